"""Accounts that agents disabled and enabled again (contract: support, PasswordToggleHistory)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from config.db.models import TimeStampedModel


class PasswordToggleHistory(TimeStampedModel):
    """One time that an agent took an account's password away, or gave it one again."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="password_toggle_history", db_index=False
    )
    comment = models.CharField(max_length=255, null=True, blank=True)
    disabled = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True)

    class Meta:
        verbose_name = "password toggle"
        ordering = ["-created"]
        indexes = [models.Index(fields=["user", "-created"], name="password_toggle_newest")]

    def __str__(self) -> str:
        return f"{self.user_id} {'disabled' if self.disabled else 'enabled'}"
