"""The course catalogue: courses, their runs, and the modes a run offers (contract: enrollment-api, Data model)."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.db.history import History
from config.db.models import TimeStampedModel
from enrollments.models.organizations import Organization

COURSE_UUID_NAMESPACE = uuid.UUID("2f9dd5c5-6a3b-4a11-9a68-0f6a6f2f7c10")


def course_uuid(key: str) -> uuid.UUID:
    """The uuid of a course or run that was given none: always the same for one key."""
    return uuid.uuid5(COURSE_UUID_NAMESPACE, key)


class Course(TimeStampedModel):
    """A course, of which runs are offered; `key` is `ORG+COURSE`."""

    key = models.CharField(max_length=255, unique=True)
    uuid = models.UUIDField(unique=True, editable=False)
    title = models.CharField(max_length=255, blank=True, default="")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="courses", null=True, blank=True)
    short_description = models.TextField(null=True, blank=True)
    full_description = models.TextField(null=True, blank=True)
    image_url = models.URLField(max_length=1000, null=True, blank=True)
    level_type = models.CharField(max_length=255, null=True, blank=True)
    languages = models.JSONField(default=list, blank=True)
    subjects = models.JSONField(default=list, blank=True)
    skills = models.JSONField(default=list, blank=True)
    entitlements = models.JSONField(default=list, blank=True, help_text="List of {mode, price, sku}.")
    course_type = models.CharField(max_length=255, null=True, blank=True)
    product_source = models.CharField(max_length=255, null=True, blank=True)
    partner = models.CharField(max_length=255, default="edx")
    advertised_run_key = models.CharField(max_length=255, null=True, blank=True)
    additional_metadata = models.JSONField(
        default=dict, blank=True, help_text="Further fields of the catalog's course document."
    )

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.uuid:
            self.uuid = course_uuid(self.key)
        super().save(*args, **kwargs)


def run_name(run_id: str, display_name: str | None) -> str:
    """The display name of a run, else the run part of its key with blanks for underscores."""
    return run_id.replace("/", "+").rsplit("+", 1)[-1].replace("_", " ") if display_name is None else display_name


class CourseOverview(TimeStampedModel):
    """A course run. Enrollments and modes name it by key, without a constraint: a run may go while they stay."""

    id = models.CharField(max_length=255, primary_key=True)
    uuid = models.UUIDField(unique=True, editable=False)
    course = models.ForeignKey(Course, models.SET_NULL, related_name="runs", null=True, blank=True)
    org = models.CharField(max_length=255, db_index=True)
    display_name = models.CharField(max_length=255, null=True, blank=True)
    start = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    enrollment_start = models.DateTimeField(null=True, blank=True)
    enrollment_end = models.DateTimeField(null=True, blank=True)
    invitation_only = models.BooleanField(default=False)
    max_student_enrollments_allowed = models.PositiveIntegerField(null=True, blank=True)
    self_paced = models.BooleanField(default=False)
    short_description = models.TextField(null=True, blank=True)
    catalog_visibility = models.CharField(max_length=16, default="both")
    certificate_available_date = models.DateTimeField(null=True, blank=True)
    language = models.CharField(max_length=32, null=True, blank=True)
    availability = models.CharField(max_length=32, null=True, blank=True, help_text="Empty: computed from the dates.")
    published = models.BooleanField(default=True)
    marketing_url = models.URLField(max_length=1000, null=True, blank=True)
    bulk_email_enabled = models.BooleanField(default=True)
    bulk_email_authorized = models.BooleanField(default=False)
    additional_metadata = models.JSONField(
        default=dict, blank=True, help_text="Further fields of the catalog's run document."
    )

    class Meta:
        verbose_name = "course run"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.uuid:
            self.uuid = course_uuid(self.id)
        super().save(*args, **kwargs)

    @property
    def name(self) -> str:
        """What it is called."""
        return run_name(self.id, self.display_name)

    @property
    def enrollment_is_open(self) -> bool:
        """Whether now lies strictly inside the enrollment window; an empty end of it is no limit."""
        now = timezone.now()
        return (self.enrollment_start is None or self.enrollment_start < now) and (
            self.enrollment_end is None or now < self.enrollment_end
        )


class CourseMode(models.Model):
    """A track that a run offers, with its price and upgrade deadline."""

    MINIMUM_PRICES = {"verified": 1, "professional": 1}
    WITHOUT_EXPIRATION = ("professional", "no-id-professional")

    course_id = models.CharField(max_length=255)
    mode_slug = models.CharField(max_length=100)
    mode_display_name = models.CharField(max_length=255)
    min_price = models.IntegerField(default=0)
    currency = models.CharField(max_length=8, default="usd")
    expiration_datetime = models.DateTimeField(null=True, blank=True)
    expiration_datetime_is_explicit = models.BooleanField(default=False)
    suggested_prices = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(null=True, blank=True)
    sku = models.CharField(max_length=255, null=True, blank=True)
    bulk_sku = models.CharField(max_length=255, null=True, blank=True)

    history = History()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["course_id", "mode_slug", "currency"], name="course_mode_unique")
        ]

    def __str__(self) -> str:
        return f"{self.course_id} {self.mode_slug}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.currency = self.currency.lower()
        self.expiration_datetime_is_explicit |= self.expiration_datetime is not None
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Raises ValidationError for a price below the slug's floor or an expiration that the slug may not have."""
        errors = {}
        floor = self.MINIMUM_PRICES.get(self.mode_slug, 0)
        if self.min_price is not None and self.min_price < floor:
            errors["min_price"] = f"The {self.mode_slug} mode has a minimum price of {floor}."
        if self.mode_slug in self.WITHOUT_EXPIRATION and self.expiration_datetime is not None:
            errors["expiration_datetime"] = f"The {self.mode_slug} mode can not have an expiration date."
        if errors:
            raise ValidationError(errors)


class VerificationDeadline(TimeStampedModel):
    """Until when learners of a run must have verified their identity."""

    course_id = models.CharField(max_length=255, unique=True)
    deadline = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.course_id}: {self.deadline:%Y-%m-%d}"


class CreditProvider(TimeStampedModel):
    """Who may grant credit for a run; the first stored is the first offered."""

    course_id = models.CharField(max_length=255)
    provider_id = models.CharField(max_length=255)
    display_name = models.CharField(max_length=255)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["course_id", "provider_id"], name="credit_provider_unique")]

    def __str__(self) -> str:
        return self.display_name


class BlockDueDate(models.Model):
    """A due date inside a run, for everybody or for one learner."""

    course_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True)
    block = models.CharField(max_length=255, blank=True, default="")
    url = models.CharField(max_length=1000, blank=True, default="")
    date = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="due_dates", null=True, blank=True)

    class Meta:
        ordering = ["date"]
        indexes = [models.Index(fields=["course_id", "date"], name="due_date_run")]
        constraints = [
            models.UniqueConstraint(
                fields=["course_id", "name", "block", "url"],
                condition=Q(user__isnull=True),
                name="due_date_of_run_unique",
            ),
            models.UniqueConstraint(
                fields=["course_id", "name", "block", "url", "user"],
                condition=Q(user__isnull=False),
                name="due_date_of_learner_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.block} {self.date:%Y-%m-%d}"
