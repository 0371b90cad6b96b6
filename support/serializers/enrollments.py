"""The wire format of enrollments at the support desk (contract: support, enrollment)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import UtcDateTimeField, wire_time
from enrollments.serializers.enrollments import CourseDetailsSerializer, course_details_body, modes_body


def learner_enrollment_body(enrollment: Any) -> dict[str, Any]:
    """An enrollment of the list, for indented answers.

    Args:
        enrollment: a `queries.enrollments.LearnerEnrollment`.
    """
    body = {
        "created": enrollment.created,
        "mode": enrollment.mode,
        "is_active": enrollment.is_active,
        "user": enrollment.username,
        **course_details_body(enrollment.run, ()),
        "course_modes": modes_body(enrollment.modes),
    }
    if enrollment.verified is not None:
        body["verified_price"] = enrollment.verified.min_price
        body["verified_upgrade_deadline"] = enrollment.verified.expiration_datetime
        body["verification_deadline"] = enrollment.verification_deadline
    body["order_number"] = enrollment.order_number
    body["source_system"] = enrollment.source_system
    body["manual_enrollment"] = {} if enrollment.audit is None else enrollment.audit._asdict()
    body["enterprise_course_enrollments"] = [
        _enterprise_body(each, enrollment.username) for each in enrollment.enterprise
    ]
    return body


def _enterprise_body(enrollment: Any, username: str) -> dict[str, Any]:
    license_body = {"uuid": str(enrollment.license_uuid), "is_revoked": enrollment.license_is_revoked}
    return {
        "course_id": enrollment.course_id,
        "enterprise_customer_name": enrollment.customer_name,
        "enterprise_customer_user_id": enrollment.link_id,
        "license": None if enrollment.license_uuid is None else license_body,
        "saved_for_later": enrollment.saved_for_later,
        "data_sharing_consent": None if enrollment.consent is None else _consent_body(enrollment, username),
    }


def _consent_body(enrollment: Any, username: str) -> dict[str, Any]:
    return {
        "username": username,
        "enterprise_customer_uuid": str(enrollment.customer_id),
        "exists": True,  # only stored ones are shown
        "consent_provided": enrollment.consent.granted,
        "consent_required": enrollment.consent.required,
        "course_id": enrollment.course_id,
    }


def audit_body(audit: Any) -> dict[str, Any]:
    """What was just written down of a change.

    Args:
        audit: a `ManualEnrollmentAudit` with the agent.
    """
    return {
        "enrolled_by": audit.enrolled_by.email,
        "time_stamp": wire_time(audit.time_stamp),
        "reason": audit.reason,
    }


class ManualEnrollmentSerializer(serializers.Serializer[Any]):
    enrolled_by = serializers.CharField(allow_null=True, help_text="The agent's e-mail address.")
    time_stamp = UtcDateTimeField()
    reason = serializers.CharField(allow_null=True, allow_blank=True)


class LatestManualEnrollmentSerializer(serializers.Serializer[Any]):
    """Empty when nobody has changed the enrollment by hand."""

    enrolled_by = serializers.CharField(required=False, allow_null=True, help_text="The agent's e-mail address.")
    time_stamp = UtcDateTimeField(required=False)
    reason = serializers.CharField(required=False, allow_null=True, allow_blank=True)


class LicenseSerializer(serializers.Serializer[Any]):
    uuid = serializers.UUIDField()
    is_revoked = serializers.BooleanField()


class DeskConsentSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    enterprise_customer_uuid = serializers.UUIDField()
    exists = serializers.BooleanField()
    consent_provided = serializers.BooleanField(allow_null=True)
    consent_required = serializers.BooleanField()
    course_id = serializers.CharField()


class DeskEnterpriseEnrollmentSerializer(serializers.Serializer[Any]):
    course_id = serializers.CharField()
    enterprise_customer_name = serializers.CharField()
    enterprise_customer_user_id = serializers.IntegerField(help_text="Of the learner's link with the customer.")
    license = LicenseSerializer(allow_null=True)
    saved_for_later = serializers.BooleanField()
    data_sharing_consent = DeskConsentSerializer(allow_null=True)


class LearnerEnrollmentSerializer(CourseDetailsSerializer):
    created = UtcDateTimeField()
    mode = serializers.CharField()
    is_active = serializers.BooleanField()
    user = serializers.CharField(help_text="The learner's user name.")
    verified_price = serializers.IntegerField(required=False, help_text="With the next two: of a run with this mode.")
    verified_upgrade_deadline = UtcDateTimeField(required=False, allow_null=True)
    verification_deadline = UtcDateTimeField(required=False, allow_null=True)
    order_number = serializers.CharField(allow_blank=True)
    source_system = serializers.CharField(allow_blank=True)
    manual_enrollment = LatestManualEnrollmentSerializer()
    enterprise_course_enrollments = DeskEnterpriseEnrollmentSerializer(many=True)


class CreateEnrollmentSerializer(serializers.Serializer[Any]):
    """Describes the body. Its checks have an order of their own, so the service makes them."""

    course_id = serializers.CharField()
    mode = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)


class ChangeModeSerializer(serializers.Serializer[Any]):
    """Describes the body. Its checks have an order of their own, so the service makes them."""

    course_id = serializers.CharField()
    old_mode = serializers.CharField()
    new_mode = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
