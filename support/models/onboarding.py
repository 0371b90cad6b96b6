"""Onboarding exams of proctored runs: stored facts about a learner (contract: support, Onboarding facts)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

# Modes whose learners take proctored exams.
PROCTORED_MODES = ("verified", "professional")


class OnboardingStatus(models.Model):
    """How a learner stands with the onboarding exam of a run; no row: the run has none for the learner."""

    class Status(models.TextChoices):
        ELIGIBLE = "eligible"
        CREATED = "created"
        DOWNLOAD_SOFTWARE_CLICKED = "download_software_clicked"
        READY_TO_START = "ready_to_start"
        STARTED = "started"
        READY_TO_SUBMIT = "ready_to_submit"
        DECLINED = "declined"
        TIMED_OUT = "timed_out"
        SUBMITTED = "submitted"
        SECOND_REVIEW_REQUIRED = "second_review_required"
        VERIFIED = "verified"
        REJECTED = "rejected"
        ERROR = "error"
        EXPIRED = "expired"
        READY_TO_RESUME = "ready_to_resume"
        RESUMED = "resumed"
        ONBOARDING_RESET = "onboarding_reset"
        ONBOARDING_MISSING = "onboarding_missing"
        ONBOARDING_PENDING = "onboarding_pending"
        ONBOARDING_FAILED = "onboarding_failed"
        ONBOARDING_EXPIRED = "onboarding_expired"
        OTHER_COURSE_APPROVED = "other_course_approved"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    course_id = models.CharField("course run", max_length=255)
    onboarding_status = models.CharField(max_length=64, choices=Status.choices, null=True, blank=True)
    onboarding_link = models.CharField(max_length=1000, null=True, blank=True, help_text="Empty: no exam is open now.")
    expiration_date = models.DateTimeField(null=True, blank=True)
    onboarding_past_due = models.BooleanField(default=False)
    onboarding_release_date = models.DateTimeField(default=timezone.now)
    review_requirements_url = models.CharField(max_length=1000, blank=True, default="")

    class Meta:
        verbose_name = "onboarding status"
        verbose_name_plural = "onboarding statuses"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "course_id"], name="onboarding_status_unique")]
        indexes = [models.Index(fields=["course_id"], name="onboarding_status_run")]

    def __str__(self) -> str:
        return f"{self.course_id}: {self.onboarding_status or 'no attempt'}"

    def clean(self) -> None:
        self.onboarding_status = self.onboarding_status or None
        self.onboarding_link = self.onboarding_link or None

    @property
    def is_settled(self) -> bool:
        """Whether the learner needs no exam in this run any more: passed here, or approved in another course."""
        return self.onboarding_status in (self.Status.VERIFIED, self.Status.OTHER_COURSE_APPROVED)

    @property
    def is_verified(self) -> bool:
        """Whether the learner has passed the exam in this run."""
        return self.onboarding_status == self.Status.VERIFIED
