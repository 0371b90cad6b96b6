"""The wire format of a program's students, and of batches of them (contract: program-enrollments, Write rules)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import CanonicalUUIDField

NOT_A_LIST = 'Expected a list of items but got type "{}".'
NOT_AN_OBJECT = "Invalid data. Expected a dictionary, but got {}."
LONGEST_KEY = 255

# --- Lists ----------------------------------------------------------------------------------------------------------


class StudentSerializer(serializers.Serializer):
    """Describes what `student_body` builds."""

    student_key = serializers.CharField(allow_null=True, help_text="The partner's key of the student.")
    status = serializers.CharField()
    account_exists = serializers.BooleanField(help_text="Whether the student is known here as an account.")
    curriculum_uuid = serializers.UUIDField()
    username = serializers.CharField(help_text="Blank while there is no account.")
    email = serializers.CharField(help_text="Blank while there is no account.")


def student_body(row: Any) -> dict[str, Any]:
    """A student of a program, from a `Student` of the queries."""
    return {
        "student_key": row.external_user_key,
        "status": row.status,
        "account_exists": row.user_id is not None,
        "curriculum_uuid": str(row.curriculum_uuid),
        "username": row.username or "",
        "email": row.email or "",
    }


class StudentInRunSerializer(serializers.Serializer):
    """Describes what `student_in_run_body` builds."""

    student_key = serializers.CharField(allow_null=True, help_text="The partner's key of the student.")
    status = serializers.CharField()
    account_exists = serializers.BooleanField(help_text="Whether the student is known here as an account.")
    curriculum_uuid = serializers.UUIDField()
    course_staff = serializers.BooleanField(help_text="Whether the student is staff of the run, or will be.")


def student_in_run_body(row: Any) -> dict[str, Any]:
    """A student in a run, from a `ListedInRun` of the queries."""
    return {
        "student_key": row.student_key,
        "status": row.status,
        "account_exists": row.has_account,
        "curriculum_uuid": str(row.curriculum_id),
        "course_staff": row.is_staff,
    }


# --- Batches --------------------------------------------------------------------------------------------------------


class RowSerializer(serializers.Serializer):
    """A student and a status; unknown words are for the service to name."""

    student_key = serializers.CharField(max_length=LONGEST_KEY)
    status = serializers.CharField()


class NewStudentSerializer(RowSerializer):
    """A row that may make a new student."""

    curriculum_uuid = CanonicalUUIDField()


@extend_schema_field(OpenApiTypes.UUID)
class HintField(serializers.Field):
    """A UUID that may help to find a row: None where anything else was sent."""

    def to_internal_value(self, data: Any) -> UUID | None:
        try:
            return UUID(data) if isinstance(data, str) else None
        except ValueError:
            return None

    def to_representation(self, value: Any) -> Any:
        return value


class KnownStudentSerializer(RowSerializer):
    """A row for a student who is there; of one in several curricula the row may name which is meant."""

    curriculum_uuid = HintField(required=False, allow_null=True)


class InRunSerializer(RowSerializer):
    """A student of a run; without `course_staff` roles stay as they are."""

    course_staff = serializers.BooleanField(required=False)


def checked_rows(row: serializers.Serializer, body: Any) -> list[dict[str, Any]]:
    """The rows of a batch.

    Args:
        row: checks one of them.
        body: what was sent.
    Raises:
        ValidationError: `non_field_errors` if it is no list; else a list with the errors of each row.
    """
    if not isinstance(body, list):
        raise serializers.ValidationError({"non_field_errors": [NOT_A_LIST.format(type(body).__name__)]})
    rows: list[dict[str, Any]] = []
    errors: list[Any] = []
    for item in body:
        try:
            if not isinstance(item, dict):
                text = NOT_AN_OBJECT.format(type(item).__name__)
                raise serializers.ValidationError({"non_field_errors": [text]})
            rows.append(row.run_validation(item))
            errors.append({})
        except serializers.ValidationError as problem:
            errors.append(problem.detail)
    if any(errors):
        raise serializers.ValidationError(errors)
    return rows
