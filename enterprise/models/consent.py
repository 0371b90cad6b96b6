"""Consent of learners to share their course data with a customer (contract: enterprise-learners)."""

from __future__ import annotations

from django.db import models

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer


class DataSharingConsent(TimeStampedModel):
    """What a learner answered for a course or run; `granted` null: not answered."""

    enterprise_customer = models.ForeignKey(EnterpriseCustomer, models.CASCADE, related_name="consents", db_index=False)
    username = models.CharField(max_length=255, db_index=True)
    course_id = models.CharField(max_length=255)
    granted = models.BooleanField(null=True, blank=True)

    history = History()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["enterprise_customer", "username", "course_id"], name="consent_unique")
        ]

    def __str__(self) -> str:
        return f"{self.username} on {self.course_id}: {self.granted}"
