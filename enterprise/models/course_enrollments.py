"""Enrollments that a customer stands behind (contract: enterprise-learners, Data model)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer
from enterprise.models.learners import EnterpriseCustomerUser, PendingEnterpriseCustomerUser


class EnterpriseEnrollmentSource(TimeStampedModel):
    """How an enterprise enrollment came about; the seven sources are seeded."""

    MANUAL = "manual"
    API = "enterprise_api"
    CUSTOMER_ADMIN = "customer_admin"
    URL = "enrollment_url"
    OFFER_REDEMPTION = "offer_redemption"
    TASK = "enrollment_task"
    COMMAND = "management_command"

    name = models.CharField(max_length=64)
    slug = models.SlugField(max_length=30, unique=True)

    class Meta:
        verbose_name = "enrollment source"

    def __str__(self) -> str:
        return self.name


class OfLinkedLearnersManager(models.Manager["EnterpriseCourseEnrollment"]):
    """Enterprise enrollments whose learner is linked: those of an unlinked learner are invisible until relinked."""

    def get_queryset(self) -> models.QuerySet[EnterpriseCourseEnrollment]:
        return super().get_queryset().filter(enterprise_customer_user__linked=True)


class EnterpriseCourseEnrollment(TimeStampedModel):
    """A learner's enrollment for a customer. The plain enrollment is found by (account id, course run key).

    `enterprise_customer` is that of the link, which never changes: lists of one customer are read in order by it.
    """

    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="+", editable=False, db_index=False
    )
    enterprise_customer_user = models.ForeignKey(
        EnterpriseCustomerUser, models.CASCADE, related_name="enterprise_enrollments", db_index=False
    )
    course_id = models.CharField(max_length=255)
    saved_for_later = models.BooleanField(default=False)
    source = models.ForeignKey(
        EnterpriseEnrollmentSource, models.SET_NULL, related_name="+", null=True, blank=True, db_index=False
    )
    unenrolled = models.BooleanField(null=True, blank=True)
    unenrolled_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[OfLinkedLearnersManager] = OfLinkedLearnersManager()
    all_objects: ClassVar[models.Manager[EnterpriseCourseEnrollment]] = models.Manager()
    history = History()

    class Meta:
        verbose_name = "enterprise enrollment"
        ordering = ["id"]
        base_manager_name = "all_objects"
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise_customer_user", "course_id"], name="enterprise_enrollment_unique"
            )
        ]
        indexes = [
            models.Index(fields=["course_id"], name="enterprise_enrollment_run"),
            models.Index(fields=["enterprise_customer", "id"], name="enterprise_enrollment_customer"),
            models.Index(
                fields=["unenrolled_at"], name="enterprise_enrollment_left", condition=Q(unenrolled_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enterprise_customer_user_id} in {self.course_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.enterprise_customer_id is None:
            self.enterprise_customer_id = self.enterprise_customer_user.enterprise_customer_id
        super().save(*args, **kwargs)


class PendingEnrollment(TimeStampedModel):
    """An enrollment that waits for the account of a pending learner."""

    user = models.ForeignKey(
        PendingEnterpriseCustomerUser, models.CASCADE, related_name="pending_enrollments", db_index=False
    )
    course_id = models.CharField(max_length=255)
    # The longest name of a mode has 26 letters.
    course_mode = models.CharField(max_length=100)
    cohort_name = models.CharField(max_length=255, null=True, blank=True)
    discount_percentage = models.DecimalField(max_digits=8, decimal_places=5, default=0)
    sales_force_id = models.CharField(max_length=255, null=True, blank=True)
    source = models.ForeignKey(
        EnterpriseEnrollmentSource, models.SET_NULL, related_name="+", null=True, blank=True, db_index=False
    )
    license_uuid = models.UUIDField(null=True, blank=True)
    transaction_id = models.UUIDField(null=True, blank=True)

    history = History()

    class Meta:
        ordering = ["created"]
        constraints = [models.UniqueConstraint(fields=["user", "course_id"], name="pending_enrollment_unique")]

    def __str__(self) -> str:
        return f"{self.user} in {self.course_id}"
