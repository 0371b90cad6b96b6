"""Onboarding facts on the wire (contract: support, onboarding_status)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import wire_time

NOBODY: dict[str, Any] = {"verified_in": None, "current_status": None}


class RunOnboardingSerializer(serializers.Serializer):
    """How a learner stands with the onboarding exam of one run."""

    onboarding_status = serializers.CharField(allow_null=True)
    onboarding_link = serializers.CharField(allow_null=True)
    expiration_date = serializers.DateTimeField(allow_null=True)
    onboarding_past_due = serializers.BooleanField()
    onboarding_release_date = serializers.CharField()
    review_requirements_url = serializers.CharField()
    course_id = serializers.CharField()
    enrollment_date = serializers.CharField()
    instructor_dashboard_link = serializers.CharField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        facts = instance.facts
        return {
            "onboarding_status": facts.onboarding_status,
            "onboarding_link": facts.onboarding_link,
            "expiration_date": facts.expiration_date,
            "onboarding_past_due": facts.onboarding_past_due,
            # Texts, with an offset here and all digits there: clients show them as they come.
            "onboarding_release_date": facts.onboarding_release_date.isoformat(),
            "review_requirements_url": facts.review_requirements_url,
            "course_id": facts.course_id,
            "enrollment_date": wire_time(instance.enrolled_at),
            "instructor_dashboard_link": f"/courses/{facts.course_id}/instructor#view-special_exams",
        }


class OnboardingSerializer(serializers.Serializer):
    """Where a learner has passed, and how they stand in the newest run."""

    verified_in = RunOnboardingSerializer(allow_null=True)
    current_status = RunOnboardingSerializer(allow_null=True)
