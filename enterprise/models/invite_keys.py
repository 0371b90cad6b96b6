"""Invite keys: links by which learners join a customer themselves (contract: enterprise-customers 2)."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer
from enterprise.models.removal import PresentManager


def a_year_from_now() -> datetime:
    """When a new invite key expires."""
    return timezone.now() + timedelta(days=365)


class EnterpriseCustomerInviteKey(TimeStampedModel):
    """A key that admits up to `usage_limit` learners until it expires or is switched off for good."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="invite_keys", db_index=False
    )
    usage_limit = models.PositiveIntegerField(default=10_000)
    expiration_date = models.DateTimeField(default=a_year_from_now)
    is_active = models.BooleanField(default=True)
    is_removed = models.BooleanField(default=False)

    objects = PresentManager["EnterpriseCustomerInviteKey"]()
    all_objects: ClassVar[models.Manager[EnterpriseCustomerInviteKey]] = models.Manager()
    history = History()

    class Meta:
        verbose_name = "invite key"
        base_manager_name = "all_objects"
        indexes = [
            models.Index(
                fields=["enterprise_customer", "created"],
                name="invite_key_customer",
                condition=models.Q(is_removed=False),
            )
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    def is_valid(self, usage_count: int) -> bool:
        """Whether a learner can join with the key now.

        Args:
            usage_count: how many learners are linked who came with it.
        """
        return self.is_active and timezone.now() < self.expiration_date and usage_count < self.usage_limit
