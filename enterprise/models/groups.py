"""Groups of learners inside a customer (contract: enterprise-admins-groups-sso, Data model)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer
from enterprise.models.learners import EnterpriseCustomerUser, PendingEnterpriseCustomerUser
from enterprise.models.removal import PresentManager


class MembershipOrder(models.TextChoices):
    """What the members of a group may be sorted by."""

    MEMBER_DETAILS = "member_details"
    STATUS = "status"
    RECENT_ACTION = "recent_action"
    ENROLLMENT_COUNT = "enrollment_count"


class EnterpriseGroup(TimeStampedModel):
    """A named group: `flex` for people management, `budget` for a learner-credit budget."""

    class GroupType(models.TextChoices):
        FLEX = "flex"
        BUDGET = "budget"

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    enterprise_customer = models.ForeignKey(EnterpriseCustomer, models.CASCADE, related_name="groups", db_index=False)
    group_type = models.CharField(max_length=20, choices=GroupType.choices, default=GroupType.FLEX)
    is_removed = models.BooleanField(default=False)

    objects = PresentManager["EnterpriseGroup"]()
    all_objects: ClassVar[models.Manager[EnterpriseGroup]] = models.Manager()
    history = History()

    class Meta:
        verbose_name = "group"
        ordering = ["-modified"]
        base_manager_name = "all_objects"
        constraints = [models.UniqueConstraint(fields=["name", "enterprise_customer"], name="group_unique")]
        indexes = [
            models.Index(
                fields=["enterprise_customer", "-modified"], name="group_customer", condition=Q(is_removed=False)
            )
        ]

    def __str__(self) -> str:
        return self.name


class EnterpriseGroupMembership(TimeStampedModel):
    """A learner, or a pending learner, in a group."""

    class Status(models.TextChoices):
        PENDING = "pending"
        ACCEPTED = "accepted"
        REMOVED = "removed"
        INTERNAL_API_ERROR = "internal_api_error"
        EMAIL_ERROR = "email_error"

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(EnterpriseGroup, models.CASCADE, related_name="members", db_index=False)
    enterprise_customer_user = models.ForeignKey(
        EnterpriseCustomerUser, models.SET_NULL, related_name="memberships", null=True, blank=True
    )
    pending_enterprise_customer_user = models.ForeignKey(
        PendingEnterpriseCustomerUser, models.SET_NULL, related_name="memberships", null=True, blank=True
    )
    activated_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING, null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    errored_at = models.DateTimeField(null=True, blank=True)
    is_removed = models.BooleanField(default=False)

    objects = PresentManager["EnterpriseGroupMembership"]()
    all_objects: ClassVar[models.Manager[EnterpriseGroupMembership]] = models.Manager()
    history = History()

    class Meta:
        verbose_name = "group membership"
        ordering = ["-modified"]
        base_manager_name = "all_objects"
        constraints = [
            models.UniqueConstraint(fields=["group", "enterprise_customer_user"], name="membership_learner_unique"),
            models.UniqueConstraint(
                fields=["group", "pending_enterprise_customer_user"], name="membership_pending_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["group", "-modified"], name="membership_group", condition=Q(is_removed=False)),
            models.Index(fields=["-modified"], name="membership_latest"),
            # What lists of groups count.
            models.Index(
                fields=["group"], name="membership_accepted", condition=Q(is_removed=False, status="accepted")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enterprise_customer_user_id or self.pending_enterprise_customer_user_id} in {self.group_id}"
