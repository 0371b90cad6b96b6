"""The figures that analytics summaries are about, and the summaries (contract: enterprise-customers 4.12)."""

from __future__ import annotations

import math
from typing import Any

from rest_framework import serializers

from config.api.fields import FormBooleanField


class FiniteFloatField(serializers.FloatField):
    """A number that is one: texts such as `nan` and `1e999` are refused."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return float(value)


class LearnerProgressSerializer(serializers.Serializer):
    """How far the learners of a customer are."""

    enterprise_customer_uuid = serializers.UUIDField()
    enterprise_customer_name = serializers.CharField(max_length=255)
    active_subscription_plan = FormBooleanField()
    assigned_licenses = serializers.IntegerField()
    activated_licenses = serializers.IntegerField()
    assigned_licenses_percentage = FiniteFloatField()
    activated_licenses_percentage = FiniteFloatField()
    active_enrollments = serializers.IntegerField()
    at_risk_enrollment_less_than_one_hour = serializers.IntegerField()
    at_risk_enrollment_end_date_soon = serializers.IntegerField()
    at_risk_enrollment_dormant = serializers.IntegerField()


class LearnerEngagementSerializer(serializers.Serializer):
    """What the learners of a customer did in a period, and in the one before (`..._prior`)."""

    enterprise_customer_uuid = serializers.UUIDField()
    enterprise_customer_name = serializers.CharField(max_length=255)
    enrolls = serializers.IntegerField()
    enrolls_prior = serializers.IntegerField()
    passed = serializers.IntegerField()
    passed_prior = serializers.IntegerField()
    engage = serializers.IntegerField()
    engage_prior = serializers.IntegerField()
    hours = serializers.IntegerField()
    hours_prior = serializers.IntegerField()
    active_contract = FormBooleanField()


class AnalyticsSummaryRequestSerializer(serializers.Serializer):
    """Both parts are needed, and every member of each."""

    learner_progress = LearnerProgressSerializer()
    learner_engagement = LearnerEngagementSerializer()


class AnalyticsSummarySerializer(serializers.Serializer):
    """A text for each part of the figures."""

    learner_progress = serializers.CharField()
    learner_engagement = serializers.CharField()


class AnalyticsSummaryErrorsSerializer(serializers.Serializer):
    """What is wrong with the figures, by part: by member, or as a list where the part is missing."""

    errors = serializers.DictField()  # type: ignore[assignment]
