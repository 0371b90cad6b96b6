"""Onboarding exams of a learner (contract: support, onboarding_status)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from support.queries.onboarding import onboarding_of
from support.queries.people import find_person
from support.serializers.onboarding import NOBODY, OnboardingSerializer
from support.views.base import AgentPageDataView


class OnboardingView(AgentPageDataView):
    """How a learner stands with onboarding exams; all agents see it."""

    @extend_schema(responses=OnboardingSerializer)
    def get(self, request: Request, username_or_email: str) -> Response:
        person = find_person(username_or_email)
        if person is None:
            return Response(NOBODY, status=404)
        return Response(OnboardingSerializer(onboarding_of(person)).data)
