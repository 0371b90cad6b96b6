"""Rights to take a course that a learner holds without being in one of its runs yet (contract: support, Data model)."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models

from config.db.history import History
from config.db.models import TimeStampedModel
from enrollments.models import CourseEnrollment

EXPIRATION_PERIOD = timedelta(days=730)
REFUND_PERIOD = timedelta(days=60)
REGAIN_PERIOD = timedelta(days=14)


class CourseEntitlementPolicy(models.Model):
    """How long entitlements last. Without a policy the defaults of its columns hold."""

    class Mode(models.TextChoices):
        VERIFIED = "verified"
        PROFESSIONAL = "professional"

    expiration_period = models.DurationField(
        default=EXPIRATION_PERIOD, help_text="How long after its creation an entitlement can be used."
    )
    refund_period = models.DurationField(
        default=REFUND_PERIOD, help_text="How long after its creation an entitlement can be refunded."
    )
    regain_period = models.DurationField(
        default=REGAIN_PERIOD, help_text="How long after enrolling a learner may leave the run and choose another one."
    )
    site = models.ForeignKey(Site, models.CASCADE, related_name="+", null=True, blank=True)
    mode = models.CharField(max_length=32, choices=Mode.choices, null=True, blank=True, help_text="Empty: every mode.")

    class Meta:
        verbose_name_plural = "course entitlement policies"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.mode or 'every mode'}: {self.expiration_period.days} days"


class CourseEntitlement(TimeStampedModel):
    """A learner's right to enroll in some run of a course, in a mode; once used it names the enrollment."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="course_entitlements", db_index=False
    )
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    course_uuid = models.UUIDField()
    expired_at = models.DateTimeField(null=True, blank=True)
    mode = models.CharField(max_length=100)
    enrollment_course_run = models.ForeignKey(
        CourseEnrollment, models.SET_NULL, related_name="course_entitlements", null=True, blank=True
    )
    order_number = models.CharField(max_length=128, null=True, blank=True)
    refund_locked = models.BooleanField(default=False)
    policy = models.ForeignKey(
        CourseEntitlementPolicy, models.SET_NULL, related_name="entitlements", null=True, blank=True
    )

    history = History()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["course_uuid", "order_number"], name="course_entitlement_order_unique")
        ]
        indexes = [models.Index(fields=["user", "course_uuid"], name="course_entitlement_learner")]

    def __str__(self) -> str:
        return f"{self.uuid} ({self.mode})"

    def save(self, *args: object, **kwargs: object) -> None:
        self.order_number = self.order_number or None  # texts without content would collide
        super().save(*args, **kwargs)


class CourseEntitlementSupportDetail(TimeStampedModel):
    """What an agent did with an entitlement, and why."""

    entitlement = models.ForeignKey(CourseEntitlement, models.CASCADE, related_name="support_details", db_index=False)
    support_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True)
    reason = models.CharField(max_length=15, blank=True, default="", editable=False, help_text="No longer used.")
    action = models.CharField(max_length=15)
    comments = models.TextField(null=True, blank=True)
    unenrolled_run = models.CharField(max_length=255, null=True, blank=True)

    history = History()

    class Meta:
        verbose_name = "support detail of an entitlement"
        verbose_name_plural = "support details of entitlements"
        ordering = ["-created", "-id"]
        indexes = [models.Index(fields=["entitlement", "-created"], name="entitlement_detail_newest")]

    def __str__(self) -> str:
        return f"{self.action} of {self.entitlement_id}"
