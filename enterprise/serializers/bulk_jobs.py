"""Bulk jobs and their rows on the wire: JSON, and CSV for spreadsheets."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from config.api.fields import UtcDateTimeField
from enterprise.bulk.results import RowResult
from enterprise.models import BulkJob, BulkJobRow
from enterprise.serializers.bulk_enrollment import ReasonSerializer, address

State = BulkJobRow.State

# A spreadsheet takes a text that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class JobCountsSerializer(serializers.Serializer):
    waiting = serializers.SerializerMethodField()
    succeeded = serializers.IntegerField()
    pending = serializers.IntegerField()
    failed = serializers.IntegerField()
    invalid = serializers.IntegerField()
    cancelled = serializers.IntegerField()

    def get_waiting(self, job: BulkJob) -> int:
        return job.total - job.done


class JobLinksSerializer(serializers.Serializer):
    self = serializers.URLField()
    rows = serializers.URLField()
    rows_csv = serializers.URLField()
    cancel = serializers.URLField()
    retry = serializers.URLField()


class BulkJobSerializer(serializers.Serializer):
    """A job as its owner watches it; needs the request in its context for the links."""

    id = serializers.UUIDField(source="uuid")
    state = serializers.ChoiceField(choices=[state.value for state in BulkJob.State])
    total = serializers.IntegerField(help_text="Rows asked for.")
    done = serializers.IntegerField(help_text="Rows with a result.")
    counts = JobCountsSerializer(source="*", help_text="Rows by state.")
    rows_per_second = serializers.SerializerMethodField()
    seconds_left = serializers.SerializerMethodField()
    notify = serializers.SerializerMethodField()
    discount = serializers.SerializerMethodField()
    actor = serializers.SerializerMethodField()
    attempt = serializers.IntegerField(help_text="How often failed rows were put back to work.")
    created = UtcDateTimeField()
    started = UtcDateTimeField(source="started_at", allow_null=True)
    finished = UtcDateTimeField(source="finished_at", allow_null=True)
    links = serializers.SerializerMethodField()

    def get_rows_per_second(self, job: BulkJob) -> float | None:
        """Since the work began; null before the first rows are done."""
        rate = _rate(job)
        return round(rate, 1) if rate else None

    def get_seconds_left(self, job: BulkJob) -> int | None:
        """At that rate; null when nothing can be said, or nothing is left."""
        rate = _rate(job)
        if not rate or job.state != BulkJob.State.RUNNING:
            return None
        return math.ceil((job.total - job.done) / rate)

    def get_notify(self, job: BulkJob) -> bool:
        return bool(job.options.get("notify"))

    def get_discount(self, job: BulkJob) -> str:
        return str(job.options.get("discount", ""))

    def get_actor(self, job: BulkJob) -> str | None:
        return job.actor.username if job.actor else None

    @extend_schema_field(JobLinksSerializer)
    def get_links(self, job: BulkJob) -> dict[str, str]:
        where = {"uuid": job.enterprise_customer_id, "job_id": job.pk}
        names = {"self": "detail", "rows": "rows", "rows_csv": "rows-csv", "cancel": "cancel", "retry": "retry"}
        request = self.context.get("request")
        return {link: reverse(f"bulk-job-{name}", kwargs=where, request=request) for link, name in names.items()}


class BulkJobRowSerializer(serializers.Serializer):
    """Describes what `row_as_json` makes."""

    position = serializers.IntegerField(help_text="Place in the request, from 0.")
    user_id = serializers.IntegerField(allow_null=True)
    email = serializers.CharField()
    course_run_key = serializers.CharField()
    license_uuid = serializers.UUIDField(allow_null=True)
    transaction_id = serializers.UUIDField(allow_null=True)
    activation_link = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=State.choices)
    created = serializers.BooleanField()
    enterprise_fulfillment_source_uuid = serializers.UUIDField(allow_null=True)
    reason = ReasonSerializer(allow_null=True)


class RowFilterSerializer(serializers.Serializer):
    """The query of the row lists."""

    state = serializers.ChoiceField(
        choices=State.choices,
        required=False,
        allow_blank=True,
        error_messages={
            "invalid_choice": "Select a valid choice. {input} is not one of the available choices.",
        },
    )


def row_as_json(row: RowResult) -> dict[str, Any]:
    """A row with its result. Rows that name nobody show what was sent."""
    found = row.state != State.INVALID
    return {
        "position": row.position,
        "user_id": row.account_id if found and row.account_id is not None else row.given_user_id,
        "email": row.email if found else address(row),
        "course_run_key": row.course_run_key,
        "license_uuid": _text(row.license_uuid),
        "transaction_id": _text(row.transaction_id),
        "activation_link": row.activation_link,
        "state": row.state,
        "created": row.created,
        "enterprise_fulfillment_source_uuid": _text(row.fulfillment_uuid) if row.state == State.SUCCEEDED else None,
        "reason": {"code": row.reason_code, "text": row.reason_text} if row.reason_code else None,
    }


CSV_HEADER = (
    "position", "user_id", "email", "course_run_key", "license_uuid", "transaction_id", "activation_link", "state",
    "created", "enterprise_fulfillment_source_uuid", "reason_code", "reason_text",
)  # fmt: skip


def row_as_cells(row: RowResult) -> list[Any]:
    """The same as cells under CSV_HEADER, with nothing that a spreadsheet would compute."""
    shown = row_as_json(row)
    reason = shown.pop("reason") or {"code": "", "text": ""}
    return [_cell(value) for value in (*shown.values(), reason["code"], reason["text"])]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _rate(job: BulkJob) -> float:
    """Rows per second between the beginning of the work and the last chunk; 0 when there is none yet."""
    until = job.finished_at or job.heartbeat_at
    if job.started_at is None or until is None or until <= job.started_at:
        return 0.0
    return job.done / (until - job.started_at).total_seconds()
