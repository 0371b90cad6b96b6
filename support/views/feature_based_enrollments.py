"""Feature-based enrollment of a run (contract: support, feature_based_enrollment_details)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.renderers import IndentedJSONRenderer
from support.queries.feature_based_enrollments import feature_based_enrollment
from support.serializers.feature_based_enrollments import FeatureBasedEnrollmentSerializer
from support.views.base import AgentView


class FeatureBasedEnrollmentView(AgentView):
    """Whether content gating and duration limits are on for a run; an empty object when there is no such run."""

    renderer_classes = [IndentedJSONRenderer]

    @extend_schema(responses=FeatureBasedEnrollmentSerializer)
    def get(self, request: Request, course_id: str) -> Response:
        found = feature_based_enrollment(course_id)
        return Response({} if found is None else FeatureBasedEnrollmentSerializer(found).data)
