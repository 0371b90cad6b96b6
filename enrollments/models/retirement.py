"""Retirement of accounts (contract: enrollment-api, Other entities)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from config.db.models import TimeStampedModel


class RetirementState(models.Model):
    """A step on the way to a retired account; the standard set is seeded."""

    state_name = models.CharField(max_length=30, unique=True)
    state_execution_order = models.SmallIntegerField(unique=True)
    is_dead_end_state = models.BooleanField(default=False)
    required = models.BooleanField(default=False)

    class Meta:
        ordering = ["state_execution_order"]

    def __str__(self) -> str:
        return self.state_name


class UserRetirementStatus(TimeStampedModel):
    """How far the retirement of an account has come, and what the account was before it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="retirement_status")
    original_username = models.CharField(max_length=150, db_index=True)
    original_email = models.EmailField(db_index=True)
    original_name = models.CharField(max_length=255, blank=True, db_index=True)
    retired_username = models.CharField(max_length=150, db_index=True)
    retired_email = models.EmailField(db_index=True)
    current_state = models.ForeignKey(RetirementState, models.PROTECT, related_name="+")
    last_state = models.ForeignKey(RetirementState, models.PROTECT, related_name="+", null=True, blank=True)
    responses = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = "retirement status"
        verbose_name_plural = "retirement statuses"

    def __str__(self) -> str:
        return f"{self.original_username}: {self.current_state}"
