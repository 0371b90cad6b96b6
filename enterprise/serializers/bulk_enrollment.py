"""The wire format of bulk enrollment (contract: enterprise-learners, `POST .../enroll_learners_in_courses/`).

Request rows are checked by `enterprise.services.bulk_rows`; the request classes here describe them in the schema.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from enterprise.bulk import reasons
from enterprise.bulk.results import RowResult
from enterprise.models import BulkJobRow

State = BulkJobRow.State


class BulkEnrollmentRowSerializer(serializers.Serializer):
    user_id = serializers.IntegerField(required=False, help_text="The account. It, or `email`, is needed.")
    email = serializers.CharField(required=False, help_text="Not looked at when `user_id` is given.")
    course_run_key = serializers.CharField()
    license_uuid = serializers.UUIDField(required=False, allow_null=True, help_text="It, or `transaction_id`.")
    transaction_id = serializers.UUIDField(required=False, allow_null=True)
    activation_link = serializers.URLField(required=False, allow_null=True, help_text="The link of the row's mail.")
    force_enrollment = serializers.BooleanField(default=False, help_text="Closed runs may be entered.")
    is_default_auto_enrollment = serializers.BooleanField(default=False)


class BulkEnrollmentRequestSerializer(serializers.Serializer):
    enrollments_info = BulkEnrollmentRowSerializer(many=True, required=False)
    licenses_info = BulkEnrollmentRowSerializer(many=True, required=False, help_text="The older name of the list.")
    discount = serializers.DecimalField(
        max_digits=8, decimal_places=5, min_value=0, max_value=Decimal("999.99999"), default=Decimal(100)
    )
    notify = serializers.BooleanField(default=False, help_text="Learners who are newly enrolled get a mail.")
    reason = serializers.CharField(required=False, help_text="Ignored.")
    salesforce_id = serializers.CharField(required=False, help_text="Ignored.")


class RosterUploadSerializer(serializers.Serializer):
    file = serializers.FileField(help_text="CSV with the row's fields as columns.")
    discount = serializers.DecimalField(max_digits=8, decimal_places=5, required=False)
    notify = serializers.BooleanField(required=False)


class CsvErrorSerializer(serializers.Serializer):
    line = serializers.IntegerField(allow_null=True)
    column = serializers.CharField(allow_null=True)
    message = serializers.CharField()


class CsvErrorsSerializer(serializers.Serializer):
    detail = serializers.CharField()
    errors = CsvErrorSerializer(many=True)  # type: ignore[assignment]  # a field, not the property of that name


class ReasonSerializer(serializers.Serializer):
    code = serializers.CharField()
    text = serializers.CharField()


class EnrolledRowSerializer(serializers.Serializer):
    user_id = serializers.IntegerField()
    email = serializers.CharField()
    course_run_key = serializers.CharField()
    created = serializers.BooleanField(help_text="Whether this row created or changed the enrollment.")
    activation_link = serializers.CharField(allow_null=True)
    enterprise_fulfillment_source_uuid = serializers.UUIDField()


class PendingRowSerializer(serializers.Serializer):
    email = serializers.CharField()
    course_run_key = serializers.CharField()
    created = serializers.BooleanField()
    activation_link = serializers.CharField(allow_null=True)


class FailedRowSerializer(serializers.Serializer):
    user_id = serializers.IntegerField(allow_null=True)
    email = serializers.CharField()
    course_run_key = serializers.CharField()
    reason = ReasonSerializer()


class BulkEnrollmentAnswerSerializer(serializers.Serializer):
    successes = EnrolledRowSerializer(many=True)
    pending = PendingRowSerializer(many=True)
    failures = FailedRowSerializer(many=True)
    invalid_user_ids = serializers.ListField(child=serializers.IntegerField(), required=False)
    invalid_email_addresses = serializers.ListField(child=serializers.CharField(), required=False)


def answer(results: Iterable[RowResult]) -> dict[str, list[Any]]:
    """The body of an answer; the two lists of those who could not be found or linked are there only when not empty."""
    successes, pending, failures = [], [], []
    unknown_ids: list[int | None] = []
    bad_formats: dict[str, None] = {}
    barred: dict[str, None] = {}
    for row in results:
        match row.state, row.reason_code:
            case State.SUCCEEDED, _:
                successes.append(enrolled_row(row))
            case State.PENDING, _:
                pending.append(pending_row(row))
            case State.INVALID, reasons.UNKNOWN_USER_ID:
                unknown_ids.append(row.given_user_id)
            case State.INVALID, reasons.NOT_RELINKABLE:
                barred[row.address] = None
            case State.INVALID, _:
                bad_formats[row.address] = None
            case _:
                failures.append(failed_row(row))
    body: dict[str, list[Any]] = {"successes": successes, "pending": pending, "failures": failures}
    if unknown_ids:
        body["invalid_user_ids"] = unknown_ids
    if bad_formats or barred:
        body["invalid_email_addresses"] = list(bad_formats | barred)
    return body


def status_of(body: dict[str, list[Any]]) -> int:
    """409 when anything went wrong, else 202 when anything waits for an account, else 201."""
    if body["failures"] or "invalid_user_ids" in body or "invalid_email_addresses" in body:
        return 409
    return 202 if body["pending"] else 201


def enrolled_row(row: RowResult) -> dict[str, Any]:
    return {
        "user_id": row.account_id,
        "email": row.email,
        "course_run_key": row.course_run_key,
        "created": row.created,
        "activation_link": row.activation_link,
        "enterprise_fulfillment_source_uuid": str(row.fulfillment_uuid),
    }


def pending_row(row: RowResult) -> dict[str, Any]:
    return {
        "email": row.email,
        "course_run_key": row.course_run_key,
        "created": row.created,
        "activation_link": row.activation_link,
    }


def failed_row(row: RowResult) -> dict[str, Any]:
    """Other failures show the account; a conflict of subsidies the id as sent and the address in lower case."""
    conflict = row.reason_code == reasons.SUBSIDY_CONFLICT
    return {
        "user_id": row.given_user_id if conflict else row.account_id,
        "email": row.email.lower() if conflict else row.email,
        "course_run_key": row.course_run_key,
        "reason": {"code": row.reason_code, "text": row.reason_text},
    }
