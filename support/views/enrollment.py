"""`enrollment/{username_or_email}`: what a learner is enrolled in, and changes of it (contract: support)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.exceptions import TextErrors
from support.queries.enrollments import enrollments_of
from support.serializers.enrollments import (
    ChangeModeSerializer,
    CreateEnrollmentSerializer,
    LearnerEnrollmentSerializer,
    ManualEnrollmentSerializer,
    audit_body,
    learner_enrollment_body,
)
from support.services.enrollments import change_mode, create_enrollment
from support.views.base import AgentPageDataView

PERSON = OpenApiParameter("username_or_email", str, OpenApiParameter.PATH)
REFUSED = OpenApiResponse(OpenApiTypes.STR, description="A sentence that says why not.")


class EnrollmentView(TextErrors, AgentPageDataView):
    """The enrollments of one learner."""

    pagination_class = None

    @extend_schema(parameters=[PERSON], responses=LearnerEnrollmentSerializer(many=True))
    def get(self, request: Request, username_or_email: str) -> Response:
        """All of them, active or not, the oldest first; none when there is no such person."""
        return Response([learner_enrollment_body(each) for each in enrollments_of(username_or_email)])

    @extend_schema(
        parameters=[PERSON],
        request=CreateEnrollmentSerializer,
        responses={200: ManualEnrollmentSerializer, (400, "text/html"): REFUSED},
    )
    def post(self, request: Request, username_or_email: str) -> Response:
        """Enroll the learner, whatever the run's window, seats and invitations say."""
        fields = _given(request, "course_id", "mode", "reason")
        return Response(audit_body(create_enrollment(username_or_email, self.agent, **fields)))

    @extend_schema(
        parameters=[PERSON],
        request=ChangeModeSerializer,
        responses={200: ManualEnrollmentSerializer, (400, "text/html"): REFUSED},
    )
    def patch(self, request: Request, username_or_email: str) -> Response:
        """Move an enrollment to another mode."""
        fields = _given(request, "course_id", "old_mode", "new_mode", "reason")
        return Response(audit_body(change_mode(username_or_email, self.agent, **fields)))


def _given(request: Request, *names: str) -> dict[str, Any]:
    """Those of the fields that were sent; a body that is no object has none."""
    body = request.data
    return {name: body[name] for name in names if name in body} if isinstance(body, Mapping) else {}
