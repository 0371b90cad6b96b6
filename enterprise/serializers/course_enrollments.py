"""The wire format of enterprise enrollments (contract: enterprise-learners, its two views of enrollments).

Rows come as the named tuples of `enterprise.queries.course_enrollments`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework import serializers

from config.api.fields import UtcDateTimeField, wire_time

EXECUTIVE_EDUCATION = ("executive-education-2u", "2u")

IN_PROGRESS, UPCOMING, COMPLETED, SAVED_FOR_LATER, UNENROLLED = STATUSES = (
    "in_progress",
    "upcoming",
    "completed",
    "saved_for_later",
    "unenrolled",
)


# --- enterprise-course-enrollment -----------------------------------------------------------------------------------


class EnterpriseCourseEnrollmentSerializer(serializers.Serializer):
    """Describes what `listed_row` builds."""

    enterprise_customer_user = serializers.IntegerField()
    course_id = serializers.CharField()
    created = UtcDateTimeField()
    unenrolled_at = UtcDateTimeField(allow_null=True)
    enrollment_date = UtcDateTimeField(allow_null=True, help_text="When the plain enrollment was made.")
    enrollment_track = serializers.CharField(allow_null=True, help_text="The mode of the plain enrollment.")
    user_email = serializers.CharField(allow_null=True)
    course_start = UtcDateTimeField(allow_null=True)
    course_end = UtcDateTimeField(allow_null=True)


def listed_row(enrollment: Any) -> dict[str, Any]:
    """One row of the list, from a `ListedEnrollment`."""
    row: dict[str, Any] = enrollment._asdict()
    return row


class NewEnterpriseCourseEnrollmentSerializer(serializers.Serializer):
    """What an order service posts, and its echo."""

    username = serializers.CharField(max_length=30)
    course_id = serializers.CharField(max_length=255)


# --- enterprise-course-enrollment-admin -----------------------------------------------------------------------------


class LearnersEnrollmentSerializer(serializers.Serializer):
    """Describes what `learners_row` builds."""

    id = serializers.IntegerField()
    created = serializers.CharField(help_text="With the offset +00:00.")
    modified = UtcDateTimeField()
    course_id = serializers.CharField()
    saved_for_later = serializers.BooleanField()
    unenrolled = serializers.BooleanField(allow_null=True)
    unenrolled_at = UtcDateTimeField(allow_null=True)
    enterprise_customer_user = serializers.IntegerField()
    source: Any = serializers.IntegerField(allow_null=True)
    course_run_id = serializers.CharField()
    course_run_status = serializers.ChoiceField(choices=STATUSES)
    start_date = UtcDateTimeField(allow_null=True)
    end_date = UtcDateTimeField(allow_null=True)
    display_name = serializers.CharField(allow_null=True)
    org_name = serializers.CharField(allow_null=True)
    pacing = serializers.ChoiceField(choices=["self", "instructor"], allow_null=True)
    is_revoked = serializers.BooleanField(help_text="Of the license.")
    is_enrollment_active = serializers.BooleanField()
    mode = serializers.CharField()
    course_key = serializers.CharField(required=False, help_text="This and what follows: when the course is known.")
    course_type = serializers.CharField(required=False, allow_null=True)
    product_source = serializers.CharField(required=False)
    enroll_by = UtcDateTimeField(required=False, allow_null=True)


class GroupedEnrollmentsSerializer(serializers.Serializer):
    """The rows of a page by status."""

    in_progress = LearnersEnrollmentSerializer(many=True)
    upcoming = LearnersEnrollmentSerializer(many=True)
    completed = LearnersEnrollmentSerializer(many=True)
    saved_for_later = LearnersEnrollmentSerializer(many=True)
    unenrolled = LearnersEnrollmentSerializer(many=True)


def grouped(page: Iterable[Any], around: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of a page by status; all five lists are there.

    Args:
        page: `LearnersEnrollment`s.
        around: their `Surroundings`.
    """
    groups: dict[str, list[dict[str, Any]]] = {status: [] for status in STATUSES}
    for enrollment in page:
        row = learners_row(enrollment, around)
        groups[row["course_run_status"]].append(row)
    return groups


def learners_row(enrollment: Any, around: Any) -> dict[str, Any]:
    """One row, from a `LearnersEnrollment` and its `Surroundings`, whose runs are `ShownRun`s."""
    run = around.runs.get(enrollment.course_id)
    row = {
        "id": enrollment.id,
        "created": enrollment.created.astimezone(UTC).isoformat(),
        "modified": wire_time(enrollment.modified),
        "course_id": enrollment.course_id,
        "saved_for_later": enrollment.saved_for_later,
        "unenrolled": enrollment.unenrolled,
        "unenrolled_at": wire_time(enrollment.unenrolled_at),
        "enterprise_customer_user": enrollment.enterprise_customer_user,
        "source": enrollment.source,
        "course_run_id": enrollment.course_id,
        "course_run_status": status_of(enrollment, run, passed=enrollment.course_id in around.passed),
        "start_date": wire_time(run.start) if run else None,
        "end_date": wire_time(run.end) if run else None,
        "display_name": run.name if run else None,
        "org_name": run.org if run else None,
        "pacing": ("self" if run.self_paced else "instructor") if run else None,
        "is_revoked": bool(enrollment.license_is_revoked),
        "is_enrollment_active": enrollment.is_enrollment_active,
        "mode": enrollment.mode,
    }
    if run and run.course_key:
        dates = {name: wire_time(moment) for name in ("start_date", "end_date") if (moment := _detail(run, name))}
        row |= dates | {
            "course_key": run.course_key,
            "course_type": run.course_type,
            "product_source": product_source_of(run),
            "enroll_by": wire_time(_detail(run, "registration_deadline")),
        }
    return row


def status_of(enrollment: Any, run: Any, *, passed: bool) -> str:
    """How far the learner is. A run without a start has started, one without an end has not ended.

    Of executive education the dates of the course's details count; of a run that is not known none do.
    """
    if enrollment.unenrolled:
        return UNENROLLED
    if enrollment.saved_for_later:
        return SAVED_FOR_LATER
    start, end = (run.start, run.end) if run else (None, None)
    if run and (run.course_type, product_source_of(run)) == EXECUTIVE_EDUCATION:
        start, end = _detail(run, "start_date"), _detail(run, "end_date")
    now = timezone.now()
    if passed or (end is not None and end < now):
        return COMPLETED
    return IN_PROGRESS if start is None or start <= now else UPCOMING


def product_source_of(run: Any) -> str:
    """That of the run's course: the stored one, else by the type (contract: enterprise-customers 5.5)."""
    return run.product_source or ("2u" if run.course_type == EXECUTIVE_EDUCATION[0] else "edx")


def _detail(run: Any, name: str) -> datetime | None:
    """A date of the course's own details, which executive education has."""
    nested = run.details.get("additional_metadata")
    value = (nested if isinstance(nested, dict) else run.details).get(name)
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
