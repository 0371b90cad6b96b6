"""Wire format of fulfillments (contract: enterprise-learners, enterprise-subsidy-fulfillment)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from config.api.fields import UtcDateTimeField


def fulfillment_body(
    link_id: int,
    course_id: str,
    unenrolled_at: str | None,
    created: str | None,
    subsidy: tuple[str, UUID],
    uuid: UUID,
) -> dict[str, Any]:
    """A fulfillment with the enterprise enrollment that it pays for.

    Args:
        unenrolled_at, created: of the enrollment, as answers write moments.
        subsidy: `license_uuid` or `transaction_id`, and its value.
    """
    return {
        "enterprise_course_enrollment": {
            "enterprise_customer_user": link_id,
            "course_id": course_id,
            "unenrolled_at": unenrolled_at,
            "created": created,
        },
        subsidy[0]: str(subsidy[1]),
        "uuid": str(uuid),
    }


class FulfilledEnrollmentSerializer(serializers.Serializer):
    """The enterprise enrollment that is paid for."""

    enterprise_customer_user = serializers.IntegerField(source="enterprise_customer_user_id")
    course_id = serializers.CharField(help_text="The key of the course run.")
    unenrolled_at = UtcDateTimeField(allow_null=True)
    created = UtcDateTimeField()


class LicenseFulfillmentSerializer(serializers.Serializer):
    """A license behind an enterprise enrollment; null in its place: it stands for a course without a run yet."""

    enterprise_course_enrollment = FulfilledEnrollmentSerializer(allow_null=True)
    license_uuid = serializers.UUIDField()
    uuid = serializers.UUIDField()


class LearnerCreditFulfillmentSerializer(serializers.Serializer):
    """Learner credit behind an enterprise enrollment."""

    enterprise_course_enrollment = FulfilledEnrollmentSerializer(allow_null=True)
    transaction_id = serializers.UUIDField()
    uuid = serializers.UUIDField()


class UnenrolledFilterSerializer(serializers.Serializer):
    """The query of the list of fulfillments whose learners left."""

    unenrolled_after = UtcDateTimeField(
        required=False, help_text="ISO 8601; only what ended then or later. Without an offset: UTC."
    )
    retrieve_licensed_enrollments = serializers.CharField(
        required=False, allow_blank=True, help_text="Anything but empty: licenses instead of learner credit."
    )
