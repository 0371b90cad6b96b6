"""Wire format of entitlements (contract: support, 4.1)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import CanonicalUUIDField, FormBooleanField, UtcDateTimeField, wire_time
from support.models import CourseEntitlement, CourseEntitlementSupportDetail


class SupportDetailSerializer(serializers.Serializer[Any]):
    """What an agent did, as `entitlement_body` builds it."""

    support_user = serializers.CharField(allow_null=True)
    action = serializers.CharField()
    comments = serializers.CharField(allow_null=True)
    unenrolled_run = serializers.CharField(allow_null=True)
    created = UtcDateTimeField()


class EntitlementSerializer(serializers.Serializer[Any]):
    """Describes what `entitlement_body` builds."""

    user = serializers.CharField()
    uuid = serializers.UUIDField()
    course_uuid = serializers.UUIDField()
    enrollment_course_run = serializers.CharField(required=False, help_text="Absent while no enrollment uses it.")
    expired_at = UtcDateTimeField(allow_null=True)
    created = UtcDateTimeField()
    modified = UtcDateTimeField()
    mode = serializers.CharField()
    refund_locked = serializers.BooleanField()
    order_number = serializers.CharField(allow_null=True)
    support_details = SupportDetailSerializer(many=True, help_text="The newest first.")


class SupportDetailRequestSerializer(serializers.Serializer[Any]):
    """What the calling agent does with the entitlement."""

    action = serializers.CharField(max_length=15)
    comments = serializers.CharField(required=False, allow_null=True, allow_blank=True)
    unenrolled_run = serializers.CharField(required=False, allow_null=True, allow_blank=True)


@extend_schema_field(SupportDetailRequestSerializer(many=True))
class SupportDetailsField(serializers.Field):
    """A list of details, each complete, even where the rest of the body may leave fields out."""

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        sent = SupportDetailRequestSerializer(data=data, many=True)
        sent.is_valid(raise_exception=True)
        return sent.validated_data

    def to_representation(self, value: Any) -> Any:
        return value


class EntitlementRequestSerializer(serializers.Serializer[Any]):
    """The columns that a caller may write; others are ignored."""

    user = serializers.CharField(max_length=150)
    course_uuid = CanonicalUUIDField()
    mode = serializers.CharField(max_length=100)
    order_number = serializers.CharField(max_length=128, required=False, allow_null=True, allow_blank=True)
    expired_at = UtcDateTimeField(required=False, allow_null=True)
    refund_locked = FormBooleanField(required=False)
    support_details = SupportDetailsField(required=False, allow_null=True)


class NewEntitlementSerializer(EntitlementRequestSerializer):
    """A new entitlement."""

    email_opt_in = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Mail of the organisation that owns the course."
    )


class EntitlementChangeSerializer(EntitlementRequestSerializer):
    """A change; without `refund_locked` the entitlement is locked if it cannot be refunded now."""

    refund_locked = FormBooleanField(required=False, allow_null=True)


def listed_body(row: Any) -> dict[str, Any]:
    """
    Args:
        row: a `queries.entitlements.ListedEntitlement`.
    """
    body: dict[str, Any] = row._asdict()
    if row.enrollment_course_run is None:
        del body["enrollment_course_run"]
    body["refund_locked"] = bool(row.refund_locked)
    body["support_details"] = [detail._asdict() for detail in row.support_details]
    return body


def entitlement_body(row: CourseEntitlement) -> dict[str, Any]:
    """An entitlement with its user, enrollment and support details loaded."""
    enrollment = row.enrollment_course_run
    return {
        "user": row.user.username,
        "uuid": str(row.uuid),
        "course_uuid": str(row.course_uuid),
        **({"enrollment_course_run": enrollment.course_id} if enrollment is not None else {}),
        "expired_at": wire_time(row.expired_at),
        "created": wire_time(row.created),
        "modified": wire_time(row.modified),
        "mode": row.mode,
        "refund_locked": row.refund_locked,
        "order_number": row.order_number,
        "support_details": [_detail_body(detail) for detail in row.support_details.all()],
    }


def _detail_body(detail: CourseEntitlementSupportDetail) -> dict[str, Any]:
    return {
        "support_user": detail.support_user.username if detail.support_user is not None else None,
        "action": detail.action,
        "comments": detail.comments,
        "unenrolled_run": detail.unenrolled_run,
        "created": wire_time(detail.created),
    }
