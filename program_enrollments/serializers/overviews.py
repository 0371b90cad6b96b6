"""The wire format of a learner's runs (contract: program-enrollments, users/.../courses)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from config.api.fields import UtcDateTimeField, wire_time

DOWNLOADABLE = "downloadable"
STATUSES = ("in_progress", "upcoming", "completed")


class DueDateSerializer(serializers.Serializer):
    """When a section, subsection or unit is due."""

    name = serializers.CharField()
    url = serializers.URLField()
    date = UtcDateTimeField()


class RunOverviewSerializer(serializers.Serializer):
    """Describes what `run_overview_body` builds. What is not required is left out when it does not apply."""

    course_run_id = serializers.CharField()
    display_name = serializers.CharField()
    resume_course_run_url = serializers.URLField(required=False, help_text="The last block completed.")
    course_run_url = serializers.URLField()
    start_date = UtcDateTimeField(allow_null=True)
    end_date = UtcDateTimeField(allow_null=True)
    course_run_status = serializers.ChoiceField(choices=STATUSES)
    emails_enabled = serializers.BooleanField(required=False, help_text="Whether the team's mails reach the learner.")
    due_dates = DueDateSerializer(many=True, help_text="Of a run in progress.")
    micromasters_title = serializers.CharField(required=False)
    certificate_download_url = serializers.URLField(required=False)


class ProgramOverviewSerializer(serializers.Serializer):
    """All runs of a learner in a program."""

    course_runs = RunOverviewSerializer(many=True)


def run_overview_body(overview: Any, request: Any) -> dict[str, Any]:
    """A run as answers show it.

    Args:
        overview: a `RunOverview` of the queries.
        request: whose host absolute addresses have.
    """
    body: dict[str, Any] = {"course_run_id": overview.run_id, "display_name": overview.display_name}
    if overview.last_block:
        body["resume_course_run_url"] = _block_address(overview.run_id, overview.last_block, request)
    body["course_run_url"] = f"{settings.LEARNING_MICROFRONTEND_URL.rstrip('/')}/course/{overview.run_id}/home"
    body["start_date"] = wire_time(overview.start)
    body["end_date"] = wire_time(overview.end)
    body["course_run_status"] = overview.status
    if overview.emails_enabled is not None:
        body["emails_enabled"] = overview.emails_enabled
    body["due_dates"] = [
        {"name": due.name, "url": _due_address(overview.run_id, due, request), "date": wire_time(due.date)}
        for due in overview.due_dates
    ]
    if overview.micromasters_title is not None:
        body["micromasters_title"] = overview.micromasters_title
    if address := _certificate_address(overview.certificate, request):
        body["certificate_download_url"] = address
    return body


def _block_address(run_id: str, block: str, request: Any) -> str:
    """Where the learner is taken to a block."""
    address: str = request.build_absolute_uri(f"/courses/{run_id}/jump_to/{block}")
    return address


def _due_address(run_id: str, due: Any, request: Any) -> str:
    """Where what is due is found: its block, else the address stored for it, else the run."""
    if due.block:
        return _block_address(run_id, due.block, request)
    address: str = request.build_absolute_uri(due.url or f"/courses/{run_id}/")
    return address


def _certificate_address(certificate: Any, request: Any) -> str | None:
    """Where a certificate is fetched: its file, else its page if there are pages; None when it cannot be."""
    if certificate is None or certificate.status != DOWNLOADABLE:
        return None
    address = certificate.download_url
    if not address and settings.CERTIFICATES_HTML_VIEW and certificate.verify_uuid:
        address = f"/certificates/{certificate.verify_uuid}"
    return request.build_absolute_uri(address) if address else None
