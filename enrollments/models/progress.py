"""Stored facts about a learner in a run (contract: enrollment-api, Learner facts)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from config.db.models import TimeStampedModel


class CourseGrade(TimeStampedModel):
    """A grade, or the error text that reading it fails with."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="grades", db_index=False)
    course_id = models.CharField(max_length=255)
    percent = models.FloatField(default=0.0)
    letter_grade = models.CharField(max_length=255, null=True, blank=True)
    passed = models.BooleanField(default=False)
    error = models.CharField(max_length=255, null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "course_id"], name="grade_unique")]
        indexes = [models.Index(fields=["course_id"], name="grade_run")]

    def __str__(self) -> str:
        return f"{self.percent:.0%}"


class GeneratedCertificate(TimeStampedModel):
    """A certificate. `is_passing` follows the status unless a value was stored."""

    PASSING_STATUSES = ("downloadable", "generating")
    NON_REFUNDABLE_STATUSES = ("downloadable", "generating", "unavailable")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="certificates", db_index=False)
    course_id = models.CharField(max_length=255)
    status = models.CharField(max_length=32, default="unavailable")
    mode = models.CharField(max_length=32, default="honor")
    stored_is_passing = models.BooleanField(null=True, blank=True, help_text="Empty: by status.")
    download_url = models.CharField(max_length=1000, null=True, blank=True)
    verify_uuid = models.CharField(max_length=32, blank=True, default="", db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "course_id"], name="certificate_unique")]

    def __str__(self) -> str:
        return f"{self.course_id}: {self.status}"

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.verify_uuid:
            self.verify_uuid = uuid.uuid4().hex
        super().save(*args, **kwargs)

    @property
    def is_passing(self) -> bool:
        """The stored value, else whether the status is a passing one."""
        if self.stored_is_passing is not None:
            return self.stored_is_passing
        return self.status in self.PASSING_STATUSES


class BlockCompletion(models.Model):
    """The last block that a learner completed in a run."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="block_completions", db_index=False)
    course_id = models.CharField(max_length=255)
    block_key = models.CharField(max_length=255, blank=True)
    modified = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "course_id"], name="block_completion_unique")]

    def __str__(self) -> str:
        return self.block_key


class CourseEmailOptout(models.Model):
    """A learner who wants no bulk mail of a run."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="email_optouts", db_index=False)
    course_id = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "course_id"], name="email_optout_unique")]

    def __str__(self) -> str:
        return self.course_id
