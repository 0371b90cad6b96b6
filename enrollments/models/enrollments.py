"""Enrollments of learners in runs, and who was allowed or enrolled by hand (contract: enrollment-api, Data model)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from config.db.history import History


class CourseEnrollment(models.Model):
    """A learner's enrollment in a run: never deleted by the API, only deactivated."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="enrollments", db_index=False)
    course_id = models.CharField(max_length=255)
    created = models.DateTimeField(default=timezone.now, editable=False)
    is_active = models.BooleanField(default=True)
    mode = models.CharField(max_length=100, default="audit")

    history = History()

    class Meta:
        ordering = ["user", "course_id"]
        constraints = [models.UniqueConstraint(fields=["user", "course_id"], name="enrollment_unique")]
        indexes = [
            models.Index(fields=["course_id", "is_active"], name="enrollment_run_active"),
            models.Index(fields=["-created", "-id"], name="enrollment_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.course_id} ({self.mode}{'' if self.is_active else ', inactive'})"


class CourseEnrollmentAttribute(models.Model):
    """A fact attached to an enrollment, such as the order it came from."""

    enrollment = models.ForeignKey(CourseEnrollment, models.CASCADE, related_name="attributes", db_index=False)
    namespace = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    value = models.CharField(max_length=255)

    class Meta:
        indexes = [models.Index(fields=["enrollment", "namespace", "name"], name="enrollment_attribute_name")]

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}={self.value}"


class CourseEnrollmentAllowed(models.Model):
    """An e-mail address that may enroll in a run whatever its window says; consumed by at most one account."""

    email = models.CharField(max_length=255)
    course_id = models.CharField(max_length=255)
    auto_enroll = models.BooleanField(default=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="allowed_enrollments", null=True, blank=True
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "allowed enrollment"
        constraints = [models.UniqueConstraint(fields=["email", "course_id"], name="enrollment_allowed_unique")]

    def __str__(self) -> str:
        return f"{self.email} in {self.course_id}"


class ManualEnrollmentAudit(models.Model):
    """Who enrolled or unenrolled a learner by hand, and why."""

    class Transition(models.TextChoices):
        UNENROLLED_TO_ALLOWED = "from unenrolled to allowed to enroll"
        ALLOWED_TO_ENROLLED = "from allowed to enroll to enrolled"
        ENROLLED_TO_ENROLLED = "from enrolled to enrolled"
        ENROLLED_TO_UNENROLLED = "from enrolled to unenrolled"
        UNENROLLED_TO_ENROLLED = "from unenrolled to enrolled"
        ALLOWED_TO_UNENROLLED = "from allowed to enroll to unenrolled"
        UNENROLLED_TO_UNENROLLED = "from unenrolled to unenrolled"
        NOT_AVAILABLE = "N/A"

    enrollment = models.ForeignKey(
        CourseEnrollment, models.CASCADE, related_name="manual_audits", null=True, db_index=False
    )
    enrolled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True)
    enrolled_email = models.CharField(max_length=255)
    time_stamp = models.DateTimeField(default=timezone.now)
    state_transition = models.CharField(max_length=255, choices=Transition.choices)
    reason = models.TextField(null=True)
    role = models.CharField(max_length=64, null=True)

    history = History()

    class Meta:
        verbose_name = "manual enrollment audit"
        indexes = [
            models.Index(fields=["enrollment", "-time_stamp"], name="manual_audit_enrollment"),
            models.Index(fields=["enrolled_email"], name="manual_audit_email"),
        ]

    def __str__(self) -> str:
        return f"{self.enrolled_email}: {self.state_transition}"
