"""Administrators of customers (contract: enterprise-admins-groups-sso, Data model)."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Lower

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer
from enterprise.models.learners import EnterpriseCustomerUser


class OnboardingFlow(TimeStampedModel):
    """A tour through the admin portal."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=255)
    active = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.title


class EnterpriseCustomerAdmin(TimeStampedModel):
    """The admin record of a linked learner: tours taken, last sign-in. The role itself is a role assignment."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enterprise_customer_user = models.OneToOneField(EnterpriseCustomerUser, models.CASCADE, related_name="admin_record")
    last_login = models.DateTimeField(null=True, blank=True)
    completed_tour_flows = models.ManyToManyField(OnboardingFlow, blank=True, related_name="completed_by")
    onboarding_tour_dismissed = models.BooleanField(default=False)
    onboarding_tour_completed = models.BooleanField(default=False)

    class Meta:
        verbose_name = "customer admin"
        ordering = ["-modified"]

    def __str__(self) -> str:
        return str(self.enterprise_customer_user)


class PendingEnterpriseCustomerAdminUser(TimeStampedModel):
    """An invited admin who has no account, or has not signed in since. Stored as given, compared ignoring case."""

    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="pending_admins", db_index=False
    )
    user_email = models.EmailField(max_length=254)
    reminder_sent_at = models.DateTimeField(null=True, blank=True)

    history = History()

    class Meta:
        verbose_name = "pending admin"
        ordering = ["created"]
        constraints = [models.UniqueConstraint("enterprise_customer", Lower("user_email"), name="pending_admin_unique")]
        indexes = [models.Index(Lower("user_email"), name="pending_admin_email")]

    def __str__(self) -> str:
        return self.user_email
