"""Who signed in on which day: what the operators' plot of sign-ins counts."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SignIn(models.Model):
    """An account signed in on a day (UTC), once or often."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_ins")
    day = models.DateField()

    class Meta:
        ordering = ["-day", "-id"]
        constraints = [models.UniqueConstraint(fields=["day", "user"], name="sign_in_unique")]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.day}"
