"""Students of programs, known to partners by an external key (contract: program-enrollments, Data model)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from config.db.history import History
from config.db.models import TimeStampedModel
from enrollments.models import CourseEnrollment


class ProgramEnrollment(TimeStampedModel):
    """A student in a program: waiting without a user, realised with one. Keys are compared ignoring case."""

    class Status(models.TextChoices):
        ENROLLED = "enrolled"
        PENDING = "pending"
        SUSPENDED = "suspended"
        CANCELED = "canceled"
        ENDED = "ended"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="program_enrollments",
        null=True,
        blank=True,
        db_index=False,
    )
    external_user_key = models.CharField(max_length=255, null=True, blank=True)
    program_uuid = models.UUIDField()
    curriculum_uuid = models.UUIDField()
    status = models.CharField(max_length=9, choices=Status.choices)

    history = History()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "program_uuid", "curriculum_uuid"], name="program_enrollment_of_user_unique"
            ),
            models.UniqueConstraint(
                Lower("external_user_key"), "program_uuid", "curriculum_uuid", name="program_enrollment_of_key_unique"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False) | Q(external_user_key__isnull=False),
                name="program_enrollment_of_somebody",
                violation_error_message="One of user or external_user_key must not be null.",
            ),
        ]
        indexes = [
            models.Index(fields=["program_uuid", "id"], name="program_enrollment_program"),
            models.Index(fields=["modified"], name="program_enrollment_waiting", condition=Q(user__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.external_user_key or self.user_id} in {self.program_uuid} ({self.status})"


class ProgramCourseEnrollment(TimeStampedModel):
    """A student of a program in one of its runs; waiting students have no plain enrollment there yet."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        INACTIVE = "inactive"

    program_enrollment = models.ForeignKey(
        ProgramEnrollment, models.CASCADE, related_name="course_enrollments", db_index=False
    )
    course_key = models.CharField(max_length=255)
    course_enrollment = models.ForeignKey(
        CourseEnrollment, models.CASCADE, related_name="program_course_enrollments", null=True, blank=True
    )
    status = models.CharField(max_length=9, choices=Status.choices)

    history = History()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["program_enrollment", "course_key"], name="program_course_enrollment_unique"
            )
        ]
        indexes = [models.Index(fields=["course_key", "id"], name="program_course_enrollment_run")]

    def __str__(self) -> str:
        return f"{self.course_key} ({self.status})"


class CourseAccessRoleAssignment(TimeStampedModel):
    """A role on the run that a waiting student gets once it is known who that is."""

    class Role(models.TextChoices):
        STAFF = "staff"

    role = models.CharField(max_length=64, choices=Role.choices)
    enrollment = models.ForeignKey(
        ProgramCourseEnrollment, models.CASCADE, related_name="role_assignments", db_index=False
    )

    class Meta:
        verbose_name = "pending course role"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["enrollment", "role"], name="pending_course_role_unique")]

    def __str__(self) -> str:
        return self.role
