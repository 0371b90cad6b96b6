"""Feature-based enrollment on the wire (contract: support, feature_based_enrollment_details)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from rest_framework import serializers

NOT_APPLICABLE = "N/A"


class SwitchSerializer(serializers.Serializer):
    """One of the two settings of a run; `enabled_as_of` is a text such as `2021-04-01 00:00:00+00:00`, or `N/A`."""

    enabled = serializers.BooleanField()
    enabled_as_of = serializers.CharField()
    reason = serializers.CharField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        since = instance.enabled_as_of
        return {
            "enabled": instance.enabled,
            "enabled_as_of": NOT_APPLICABLE if since is None else str(since.astimezone(UTC)),
            "reason": instance.reason,
        }


class FeatureBasedEnrollmentSerializer(serializers.Serializer):
    """Both settings of a run."""

    course_id = serializers.CharField()
    course_name = serializers.CharField()
    gating_config = SwitchSerializer(source="gating")
    duration_config = SwitchSerializer(source="duration")
