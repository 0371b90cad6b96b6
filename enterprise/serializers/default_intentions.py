"""Wire format of default enrollment intentions (contract: enterprise-learners).

The functions build answers from facts; the serializer classes of the same names describe them to the schema.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from config.api.fields import UtcDateTimeField, wire_time
from enterprise.models import DefaultEnterpriseEnrollmentIntention

LISTS = ("enrollable", "not_enrollable")


def intention_body(facts: Any) -> dict[str, Any]:
    """An intention with what it leads to.

    Args:
        facts: `enterprise.queries.default_intentions.IntentionFacts`.
    """
    intention: DefaultEnterpriseEnrollmentIntention = facts.intention
    return {
        "uuid": str(intention.pk),
        "content_key": intention.content_key,
        "enterprise_customer": str(intention.enterprise_customer_id),
        "course_key": facts.course_key,
        "course_run_key": facts.run_key,
        "is_course_run_enrollable": facts.is_enrollable,
        "best_mode_for_course_run": facts.best_mode,
        "applicable_enterprise_catalog_uuids": [str(uuid) for uuid in facts.catalogs],
        "course_run_normalized_metadata": {
            name: wire_time(value) if isinstance(value, datetime) else value for name, value in facts.run_facts.items()
        },
        "created": wire_time(intention.created),
        "modified": wire_time(intention.modified),
    }


def learner_status_body(user_id: int, email: str, customer_uuid: str, status: Any) -> dict[str, Any]:
    """Where a learner stands with all intentions of a customer.

    Args:
        status: `enterprise.queries.default_intentions.LearnerStatus`.
    """
    needs = {name: [_standing_body(each) for each in getattr(status, name)] for name in LISTS}
    already = [_standing_body(each) for each in status.already_enrolled]
    counted = {name: len(needs[name]) for name in LISTS}
    return {
        "lms_user_id": user_id,
        "user_email": email,
        "enterprise_customer_uuid": customer_uuid,
        "enrollment_statuses": {"needs_enrollment": needs, "already_enrolled": already},
        "metadata": {
            "total_default_enterprise_enrollment_intentions": sum(counted.values()) + len(already),
            "total_needs_enrollment": counted,
            "total_already_enrolled": len(already),
        },
    }


def _standing_body(standing: Any) -> dict[str, Any]:
    existing = standing.existing
    return {
        **intention_body(standing.facts),
        "has_existing_enrollment": existing is not None,
        "is_existing_enrollment_active": None if existing is None else existing.is_active,
        "is_existing_enrollment_audit": None if existing is None else existing.is_audit,
    }


class RunFactsSerializer(serializers.Serializer):
    """Dates and price of the run; empty when no run was found."""

    start_date = UtcDateTimeField(allow_null=True, required=False)
    end_date = UtcDateTimeField(allow_null=True, required=False)
    enroll_by_date = UtcDateTimeField(
        allow_null=True, required=False, help_text="The earlier of the end of enrollment and the paid mode's deadline."
    )
    enroll_start_date = UtcDateTimeField(allow_null=True, required=False)
    content_price = serializers.FloatField(allow_null=True, required=False)


class IntentionSerializer(serializers.Serializer):
    """Describes what `intention_body` makes."""

    uuid = serializers.UUIDField()
    content_key = serializers.CharField(help_text="Of a course or a run, as stored.")
    enterprise_customer = serializers.UUIDField()
    course_key = serializers.CharField(allow_null=True)
    course_run_key = serializers.CharField(allow_null=True, help_text="The run to enroll in.")
    is_course_run_enrollable = serializers.BooleanField()
    best_mode_for_course_run = serializers.CharField(allow_null=True)
    applicable_enterprise_catalog_uuids = serializers.ListField(child=serializers.UUIDField())
    course_run_normalized_metadata = RunFactsSerializer()
    created = UtcDateTimeField()
    modified = UtcDateTimeField()


class IntentionStandingSerializer(IntentionSerializer):
    """An intention as it stands for one learner."""

    has_existing_enrollment = serializers.BooleanField()
    is_existing_enrollment_active = serializers.BooleanField(allow_null=True)
    is_existing_enrollment_audit = serializers.BooleanField(allow_null=True)


class NeedsEnrollmentSerializer(serializers.Serializer):
    enrollable = IntentionStandingSerializer(many=True)
    not_enrollable = IntentionStandingSerializer(many=True)


class EnrollmentStatusesSerializer(serializers.Serializer):
    needs_enrollment = NeedsEnrollmentSerializer()
    already_enrolled = IntentionStandingSerializer(many=True)


class NeedsEnrollmentTotalsSerializer(serializers.Serializer):
    enrollable = serializers.IntegerField()
    not_enrollable = serializers.IntegerField()


class StatusMetadataSerializer(serializers.Serializer):
    total_default_enterprise_enrollment_intentions = serializers.IntegerField()
    total_needs_enrollment = NeedsEnrollmentTotalsSerializer()
    total_already_enrolled = serializers.IntegerField()


class LearnerStatusSerializer(serializers.Serializer):
    """Describes what `learner_status_body` makes."""

    lms_user_id = serializers.IntegerField()
    user_email = serializers.EmailField()
    enterprise_customer_uuid = serializers.UUIDField()
    enrollment_statuses = EnrollmentStatusesSerializer()
    metadata = StatusMetadataSerializer()
