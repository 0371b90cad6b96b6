"""What pays for an enterprise enrollment: a license or learner credit (contract: enterprise-learners, Fulfillments)."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.course_enrollments import EnterpriseCourseEnrollment
from enterprise.models.learners import EnterpriseCustomerUser


class EnterpriseCourseEntitlement(TimeStampedModel):
    """A learner's right to one course of a customer, before a run is chosen."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    course_uuid = models.CharField(max_length=255)
    enterprise_customer_user = models.ForeignKey(
        EnterpriseCustomerUser, models.CASCADE, related_name="enterprise_entitlements", db_index=False
    )

    class Meta:
        verbose_name = "enterprise entitlement"
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise_customer_user", "course_uuid"], name="enterprise_entitlement_unique"
            )
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class Fulfillment(TimeStampedModel):
    """What both kinds of fulfillment share. Changes go through `enterprise.services.fulfillments`."""

    class Kind(models.TextChoices):
        LICENSE = "license"
        LEARNER_CREDIT = "learner_credit"
        COUPON_CODE = "coupon_code"

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    fulfillment_type = models.CharField(max_length=128, choices=Kind.choices, default=Kind.LICENSE)
    is_revoked = models.BooleanField(default=False)

    class Meta:
        abstract = True


class LicensedEnterpriseCourseEnrollment(Fulfillment):
    """A subscription license behind an enterprise enrollment."""

    enterprise_course_enrollment = models.OneToOneField(
        EnterpriseCourseEnrollment, models.CASCADE, related_name="license", null=True, blank=True
    )
    enterprise_course_entitlement = models.OneToOneField(
        EnterpriseCourseEntitlement, models.CASCADE, related_name="license", null=True, blank=True
    )
    license_uuid = models.UUIDField(db_index=True)

    history = History()

    class Meta:
        verbose_name = "license fulfillment"
        constraints = [
            models.CheckConstraint(
                condition=Q(enterprise_course_enrollment__isnull=False)
                | Q(enterprise_course_entitlement__isnull=False),
                name="license_fulfills_something",
            )
        ]

    def __str__(self) -> str:
        return f"license {self.license_uuid}"


class LearnerCreditEnterpriseCourseEnrollment(Fulfillment):
    """A learner-credit transaction behind an enterprise enrollment."""

    fulfillment_type = models.CharField(
        max_length=128, choices=Fulfillment.Kind.choices, default=Fulfillment.Kind.LEARNER_CREDIT
    )
    enterprise_course_enrollment = models.OneToOneField(
        EnterpriseCourseEnrollment, models.CASCADE, related_name="learner_credit", null=True, blank=True
    )
    enterprise_course_entitlement = models.OneToOneField(
        EnterpriseCourseEntitlement, models.CASCADE, related_name="learner_credit", null=True, blank=True
    )
    transaction_id = models.UUIDField(db_index=True)

    history = History()

    class Meta:
        verbose_name = "learner credit fulfillment"
        constraints = [
            models.CheckConstraint(
                condition=Q(enterprise_course_enrollment__isnull=False)
                | Q(enterprise_course_entitlement__isnull=False),
                name="learner_credit_fulfills_something",
            )
        ]

    def __str__(self) -> str:
        return f"transaction {self.transaction_id}"
