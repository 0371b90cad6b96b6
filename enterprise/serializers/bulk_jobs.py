"""Bulk jobs and their rows on the wire: JSON, and CSV for spreadsheets."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from config.api.fields import UtcDateTimeField
from enterprise.models import BulkJob, BulkJobRow
from enterprise.serializers.bulk_enrollment import ReasonSerializer

State = BulkJobRow.State


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
    kind = serializers.ChoiceField(choices=[kind.value for kind in BulkJob.Kind])
    state = serializers.ChoiceField(choices=[state.value for state in BulkJob.State])
    total = serializers.IntegerField(help_text="Rows asked for.")
    done = serializers.IntegerField(help_text="Rows with a result.")
    counts = JobCountsSerializer(source="*", help_text="Rows by state.")
    rows_per_second = serializers.FloatField(
        allow_null=True, help_text="Since the work began; null before the first rows are done."
    )
    seconds_left = serializers.IntegerField(
        allow_null=True, help_text="At that rate; null when nothing can be said, or nothing is left."
    )
    notify = serializers.SerializerMethodField()
    discount = serializers.SerializerMethodField()
    actor = serializers.SerializerMethodField()
    attempt = serializers.IntegerField(help_text="How often failed rows were put back to work.")
    created = UtcDateTimeField()
    started = UtcDateTimeField(source="started_at", allow_null=True)
    finished = UtcDateTimeField(source="finished_at", allow_null=True)
    links = serializers.SerializerMethodField()

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
