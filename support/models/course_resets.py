"""Learners who start a run afresh: where that is offered, and who was reset (contract: support, Data model)."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from config.db.models import TimeStampedModel
from enrollments.models import CourseEnrollment, CourseOverview


class CourseResetCourseOptIn(TimeStampedModel):
    """A run whose learners may be reset, while it is active."""

    course_id = models.CharField(max_length=255, unique=True)
    active = models.BooleanField()

    class Meta:
        verbose_name = "course reset opt-in"
        ordering = ["course_id"]

    def __str__(self) -> str:
        return f"{self.course_id}{'' if self.active else ' (inactive)'}"

    def clean(self) -> None:
        """Raises ValidationError for a new one when there is no such run."""
        if self._state.adding and not CourseOverview.objects.filter(pk=self.course_id).exists():
            raise ValidationError({"course_id": "There is no course run with this key."})


class CourseResetAudit(TimeStampedModel):
    """One try to reset a learner; of those of an enrollment the one with the latest `modified` counts."""

    class Status(models.TextChoices):
        ENQUEUED = "enqueued"
        IN_PROGRESS = "in_progress", "in progress"
        COMPLETE = "complete"
        FAILED = "failed"

    course = models.ForeignKey(CourseResetCourseOptIn, models.CASCADE, related_name="audits")
    course_enrollment = models.ForeignKey(CourseEnrollment, models.SET_NULL, related_name="course_resets", null=True)
    reset_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ENQUEUED)
    completed_at = models.DateTimeField(null=True, blank=True)
    comment = models.CharField(max_length=255, blank=True, default="")
    # When a sweep takes the work for lost. Empty: nobody works on it, as on rows that were loaded from a file.
    lost_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "course reset audit"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["lost_at"], name="course_reset_at_work", condition=models.Q(lost_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.course_id}: {self.status}"

    @property
    def message(self) -> str:
        """The status as agents read it; `reset_by` is loaded."""
        agent = self.reset_by.username if self.reset_by is not None else None
        return reset_message(self.status, self.created, self.modified, self.completed_at, agent)


def reset_message(
    status: str, created: datetime, modified: datetime, completed_at: datetime | None, agent: str | None
) -> str:
    """The status of a reset as agents read it; without an agent, that account is gone."""
    agent = agent if agent is not None else "a deleted account"
    match status:
        case CourseResetAudit.Status.FAILED:
            return f"Failed on {_utc(modified)}"
        case CourseResetAudit.Status.IN_PROGRESS:
            return f"In progress - Started on {_utc(modified)} by {agent}"
        case CourseResetAudit.Status.COMPLETE:
            return f"Completed on {_utc(completed_at)} by {agent}"
    return f"Enqueued - Created {_utc(created)} by {agent}"


def _utc(moment: datetime | None) -> str:
    return str(moment.astimezone(UTC)) if moment is not None else "an unknown date"
