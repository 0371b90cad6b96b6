"""Wire format of enrollments and runs (contract: enrollment-api, Representations).

The functions build answers from tuples: a serializer per row would cost more than the rest of the request. The
serializer classes of the same names describe them, and what callers send, to the schema; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from config.api.fields import UtcDateTimeField, wire_time

MODE_KEYS = (
    "slug",
    "name",
    "min_price",
    "suggested_prices",
    "currency",
    "expiration_datetime",
    "description",
    "sku",
    "bulk_sku",
)


def course_details_body(run: Any, modes: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """A run with the modes that the caller has chosen.

    Args:
        run: a tuple with the names of `queries.course_details.Run`; its moments are texts already.
        modes: tuples that begin with the values of MODE_KEYS, as those of `queries.course_modes` do.
    """
    return {
        "course_id": run.id,
        "course_name": run.name,
        "enrollment_start": run.enrollment_start,
        "enrollment_end": run.enrollment_end,
        "course_start": run.start,
        "course_end": run.end,
        "invite_only": run.invitation_only,
        "pacing_type": "Self Paced" if run.self_paced else "Instructor Paced",
        "course_modes": modes_body(modes),
    }


def modes_body(modes: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Modes as runs show them, as in `course_details_body`."""
    return [dict(zip(MODE_KEYS, mode, strict=False)) for mode in modes]


def enrollment_body(
    *, created: str | None, mode: str, is_active: bool, username: str, course_details: dict[str, Any] | None
) -> dict[str, Any]:
    """An enrollment; `course_details` is None when its run no longer exists."""
    return {
        "created": created,
        "mode": mode,
        "is_active": is_active,
        "user": username,
        "course_details": course_details,
    }


def enrollment_text(*, created: str, mode: str, is_active: bool, username: str, course_details: str) -> str:
    """`enrollment_body` as JSON text. All arguments but `is_active` are JSON themselves, so that parts can be kept."""
    active = "true" if is_active else "false"
    first = f'{{"created":{created},"mode":{mode},"is_active":{active}'
    return f'{first},"user":{username},"course_details":{course_details}}}'


def enrollment_list_body(row: Any) -> dict[str, Any]:
    """An enrollment of `enrollments/`, from an `AnybodysEnrollment`."""
    return {
        "created": row.created,
        "mode": row.mode,
        "is_active": row.is_active,
        "user": row.username,
        "course_id": row.course_id,
    }


def course_role_body(role: Any) -> dict[str, Any]:
    """A course role; one that is not on a run says so with the text `None`."""
    return {"org": role.org, "course_id": role.course_id or "None", "role": role.role}


def allowed_body(allowed: Any) -> dict[str, Any]:
    """An address that may enroll; `user` is the id of the account that used it."""
    return {
        "email": allowed.email,
        "course_id": allowed.course_id,
        "auto_enroll": allowed.auto_enroll,
        "user": allowed.user_id,
        "created": wire_time(allowed.created),
    }


class EnrollmentModeSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    min_price = serializers.IntegerField()
    suggested_prices = serializers.CharField(allow_blank=True, help_text="Whole numbers separated by commas.")
    currency = serializers.CharField()
    expiration_datetime = UtcDateTimeField(allow_null=True, help_text="The upgrade deadline.")
    description = serializers.CharField(allow_null=True)
    sku = serializers.CharField(allow_null=True)
    bulk_sku = serializers.CharField(allow_null=True)


class CourseDetailsSerializer(serializers.Serializer[Any]):
    course_id = serializers.CharField()
    course_name = serializers.CharField()
    enrollment_start = UtcDateTimeField(allow_null=True)
    enrollment_end = UtcDateTimeField(allow_null=True)
    course_start = UtcDateTimeField(allow_null=True)
    course_end = UtcDateTimeField(allow_null=True)
    invite_only = serializers.BooleanField()
    pacing_type = serializers.ChoiceField(["Self Paced", "Instructor Paced"])
    course_modes = EnrollmentModeSerializer(many=True)


class EnrollmentSerializer(serializers.Serializer[Any]):
    created = UtcDateTimeField()
    mode = serializers.CharField()
    is_active = serializers.BooleanField()
    user = serializers.CharField(help_text="The learner's username.")
    course_details = CourseDetailsSerializer(allow_null=True)


class EnrollmentListItemSerializer(serializers.Serializer[Any]):
    created = UtcDateTimeField()
    mode = serializers.CharField()
    is_active = serializers.BooleanField()
    user = serializers.CharField(help_text="The learner's username.")
    course_id = serializers.CharField()


class EnrolledRunSerializer(serializers.Serializer[Any]):
    course_id = serializers.CharField()


class EnrollmentAttributeSerializer(serializers.Serializer[Any]):
    namespace = serializers.CharField(max_length=255)
    name = serializers.CharField(max_length=255)
    value = serializers.CharField(max_length=255)


class EnrollmentRequestSerializer(serializers.Serializer[Any]):
    """Describes the body of POST enrollment. Its checks have an order of their own, so the service makes them."""

    course_details = EnrolledRunSerializer()
    user = serializers.CharField(required=False, help_text="The learner's username; the caller when left out.")
    email = serializers.EmailField(required=False, help_text="The learner's address; API key or staff only.")
    mode = serializers.CharField(required=False, allow_null=True)
    is_active = serializers.BooleanField(required=False, allow_null=True)
    force_enrollment = serializers.BooleanField(required=False, allow_null=True, help_text="Staff only.")
    enrollment_attributes = EnrollmentAttributeSerializer(many=True, required=False, allow_null=True)
    cohort = serializers.CharField(required=False, allow_null=True, help_text="The name of a cohort of the run.")
    email_opt_in = serializers.BooleanField(required=False, allow_null=True, help_text="Stored for the caller.")
    linked_enterprise_customer = serializers.UUIDField(required=False, help_text="API key only.")
    enterprise_uuid = serializers.CharField(required=False, help_text="Added to the tracking line of an activation.")


class MessageSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()


class UnenrollRequestSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(help_text="The original username of a retirement request.")


class CourseRoleSerializer(serializers.Serializer[Any]):
    org = serializers.CharField(allow_blank=True)
    course_id = serializers.CharField(help_text="`None` for a role that is not on a run.")
    role = serializers.CharField()


class CourseRolesSerializer(serializers.Serializer[Any]):
    roles = CourseRoleSerializer(many=True)
    is_staff = serializers.BooleanField()


class EnrollmentAllowedKeySerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=255)
    course_id = serializers.CharField(max_length=255)


class EnrollmentAllowedRequestSerializer(EnrollmentAllowedKeySerializer):
    auto_enroll = serializers.BooleanField(default=False)


class EnrollmentAllowedSerializer(serializers.Serializer[Any]):
    email = serializers.CharField()
    course_id = serializers.CharField()
    auto_enroll = serializers.BooleanField()
    user = serializers.IntegerField(allow_null=True, help_text="The account that used the allowance.")
    created = UtcDateTimeField()
