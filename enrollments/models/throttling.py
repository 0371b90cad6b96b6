"""The switch that turns request throttling of the enrollment API off."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class RateLimitConfiguration(models.Model):
    """Append-only: the newest row counts; without a row throttling is on."""

    enabled = models.BooleanField(default=True)
    change_date = models.DateTimeField(default=timezone.now, editable=False)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return "throttling on" if self.enabled else "throttling off"
