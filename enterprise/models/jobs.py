"""Bulk jobs: work on many rows that survives the death of its workers (architecture: Bulk work)."""

from __future__ import annotations

import math
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer


class BulkJob(TimeStampedModel):
    """One piece of bulk work. Its rows carry their own state; each chunk's last statement keeps the counters here."""

    class Kind(models.TextChoices):
        ENROLLMENT = "enrollment"
        PENDING_CLAIM = "pending_claim"
        SINGLE_ENROLLMENT = "single_enrollment"
        LICENSE_EXPIRATION = "license_expiration"
        UNLINK = "unlink"

    class State(models.TextChoices):
        STAGING = "staging"
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        CANCELLING = "cancelling"
        CANCELLED = "cancelled"

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ENROLLMENT)
    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="bulk_jobs", null=True, db_index=False
    )
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="bulk_jobs", null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.STAGING)
    options = models.JSONField(default=dict, help_text="What holds for all rows, such as notify and discount.")
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    succeeded = models.PositiveIntegerField(default=0)
    pending = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    invalid = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    idempotency_key = models.CharField(max_length=255, blank=True, default="")
    body_hash = models.CharField(max_length=64, blank=True, default="")
    attempt = models.PositiveIntegerField(default=0, help_text="How often failed rows were put back to work.")
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise_customer", "actor", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="bulk_job_idempotency",
            )
        ]
        indexes = [
            models.Index(fields=["enterprise_customer", "-created"], name="bulk_job_customer"),
            models.Index(
                fields=["heartbeat_at"],
                name="bulk_job_unfinished",
                condition=Q(state__in=["staging", "queued", "running", "cancelling"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid}"

    @property
    def has_ended(self) -> bool:
        """Whether no row will be worked on any more, unless somebody asks again."""
        return self.state in (self.State.FINISHED, self.State.CANCELLED)

    @property
    def rows_per_second(self) -> float | None:
        """Between the beginning of the work and its last chunk; None before the first rows are done."""
        until = self.finished_at or self.heartbeat_at
        if self.started_at is None or until is None or until <= self.started_at or not self.done:
            return None
        return round(self.done / (until - self.started_at).total_seconds(), 1) or None

    @property
    def seconds_left(self) -> int | None:
        """At that rate; None when nothing can be said, or nothing is left."""
        if self.state != self.State.RUNNING or not self.rows_per_second:
            return None
        return math.ceil((self.total - self.done) / self.rows_per_second)


class BulkJobRow(models.Model):
    """One requested piece of work: at once its input, the staging table of the set-based writes, and its result.

    Of an expiring license: the learner and the run that it pays for, and its fulfillment's own uuid.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SUCCEEDED = "succeeded"
        PENDING = "pending"
        FAILED = "failed"
        INVALID = "invalid"
        CANCELLED = "cancelled"

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(BulkJob, models.CASCADE, related_name="rows", db_index=False)
    position = models.PositiveIntegerField()
    given_user_id = models.BigIntegerField(null=True, help_text="The account id as sent.")
    given_email = models.TextField(blank=True, default="", help_text="The e-mail as sent, trimmed.")
    account_id = models.BigIntegerField(null=True, help_text="The account found for the row; empty: none.")
    email = models.CharField(
        max_length=254, blank=True, default="", help_text="The account's address, else the sent one in lower case."
    )
    course_run_key = models.CharField(max_length=255)
    course_mode = models.CharField(max_length=100, blank=True, default="")
    license_uuid = models.UUIDField(null=True)
    transaction_id = models.UUIDField(null=True)
    fulfillment_uuid = models.UUIDField(default=uuid.uuid4)
    activation_link = models.TextField(null=True)
    force_enrollment = models.BooleanField(default=False)
    is_default_auto_enrollment = models.BooleanField(default=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    created = models.BooleanField(default=False, help_text="Whether the row created or changed the enrollment.")
    reason_code = models.CharField(max_length=64, blank=True, default="")
    reason_text = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["job", "position"], name="bulk_job_row_unique")]
        indexes = [
            models.Index(fields=["job", "position"], name="bulk_job_row_waiting", condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"row {self.position}: {self.state}"
