"""The wire format of students in programs at the support desk (contract: support)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers


def linked_body(linked: Any) -> dict[str, Any]:
    """What became of the lines, and the input.

    Args:
        linked: a `services.linking.Linked`.
    """
    return {
        "successes": linked.successes,
        "errors": linked.errors,
        "program_uuid": linked.program_uuid,
        "username_pair_text": linked.text,
    }


def inspection_body(inspection: Any, org_key: str) -> dict[str, Any]:
    """What a search found.

    Args:
        inspection: a `queries.inspector.Inspection`.
        org_key: as asked for.
    """
    return {
        "error": inspection.error,
        "learner_program_enrollments": {} if inspection.error else _learner_body(inspection),
        "org_keys": org_key,
    }


def _learner_body(inspection: Any) -> dict[str, Any]:
    account = inspection.account
    body: dict[str, Any] = {}
    if account is None:
        body["user"] = {"external_user_key": inspection.external_user_key}
    else:
        body["user"] = {"username": account.username, "email": account.email}
        if inspection.uids:
            body["user"]["sso_list"] = [{"uid": uid} for uid in inspection.uids]
    if inspection.enrollments:
        body["enrollments"] = [_enrollment_body(each) for each in inspection.enrollments]
    if account is not None:
        moment = inspection.verification["status_date"]
        body["id_verification"] = {
            **inspection.verification,
            "status_date": _to_the_second(moment) if isinstance(moment, datetime) else moment,
        }
    return body


def _enrollment_body(inspected: Any) -> dict[str, Any]:
    student = inspected.student
    return {
        "created": _to_the_second(student.created),
        "modified": _to_the_second(student.modified),
        "external_user_key": student.external_user_key,
        "status": student.status,
        "program_uuid": str(student.program_uuid),
        "program_course_enrollments": [_in_run_body(row) for row in inspected.in_runs],
        "program_name": inspected.program_name,
    }


def _in_run_body(row: Any) -> dict[str, Any]:
    plain = row.course_enrollment
    return {
        "created": _to_the_second(row.created),
        "modified": _to_the_second(row.modified),
        "status": row.status,
        "course_key": row.course_key,
        "course_enrollment": None
        if plain is None
        else {"course_id": plain.course_id, "is_active": plain.is_active, "mode": plain.mode},
        "course_url": f"/courses/{row.course_key}/course/",
    }


def _to_the_second(moment: datetime) -> str:
    """In UTC, without saying so: the area's own form."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


# --- For the schema -------------------------------------------------------------------------------------------------


class LinkingRequestSerializer(serializers.Serializer[Any]):
    program_uuid = serializers.CharField()
    username_pair_text = serializers.CharField(help_text="Lines `external_user_key,lms_username`.")


class LinkedSerializer(serializers.Serializer[Any]):
    successes = serializers.ListField(child=serializers.CharField(), help_text="Such as `('K-77', 'mira')`.")
    errors = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    program_uuid = serializers.CharField(help_text="As sent.")
    username_pair_text = serializers.CharField(help_text="As sent.")


class InspectedIdentitySerializer(serializers.Serializer[Any]):
    uid = serializers.CharField()


class InspectedAccountSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    sso_list = InspectedIdentitySerializer(many=True, required=False)
    external_user_key = serializers.CharField(required=False, help_text="Alone, where there is no account.")


class InspectedPlainSerializer(serializers.Serializer[Any]):
    course_id = serializers.CharField()
    is_active = serializers.BooleanField()
    mode = serializers.CharField()


class InspectedRunSerializer(serializers.Serializer[Any]):
    created = serializers.CharField(help_text="UTC, to the second.")
    modified = serializers.CharField(help_text="UTC, to the second.")
    status = serializers.CharField()
    course_key = serializers.CharField()
    course_enrollment = InspectedPlainSerializer(allow_null=True)
    course_url = serializers.CharField(help_text="A path.")


class InspectedEnrollmentSerializer(serializers.Serializer[Any]):
    created = serializers.CharField(help_text="UTC, to the second.")
    modified = serializers.CharField(help_text="UTC, to the second.")
    external_user_key = serializers.CharField(allow_null=True)
    status = serializers.CharField()
    program_uuid = serializers.UUIDField()
    program_course_enrollments = InspectedRunSerializer(many=True)
    program_name = serializers.CharField()


class InspectedVerificationSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    error = serializers.CharField()
    should_display = serializers.BooleanField()
    status_date = serializers.CharField()
    verification_expiry = serializers.CharField()


class InspectedLearnerSerializer(serializers.Serializer[Any]):
    """Empty when nobody was found."""

    user = InspectedAccountSerializer(required=False)
    enrollments = InspectedEnrollmentSerializer(many=True, required=False)
    id_verification = InspectedVerificationSerializer(required=False)


class InspectionSerializer(serializers.Serializer[Any]):
    error = serializers.CharField(help_text="Empty when somebody was found.")
    learner_program_enrollments = InspectedLearnerSerializer()
    org_keys = serializers.CharField(help_text="The `org_key` that was asked for.")
