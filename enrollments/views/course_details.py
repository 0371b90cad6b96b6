"""`course/{key}`: what a run offers, for everybody (contract: enrollment-api, GET course)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import MessageErrors, Refusal
from enrollments.queries.course_details import cached
from enrollments.queries.course_modes import offered
from enrollments.serializers.enrollments import CourseDetailsSerializer, MessageSerializer, course_details_body
from enrollments.throttles import SwitchedEnrollmentThrottle


class CourseDetailsView(MessageErrors, APIView):
    """Credentials are not looked at, not even bad ones: so the rate limit counts per address."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [SwitchedEnrollmentThrottle]

    @extend_schema(
        parameters=[
            OpenApiParameter("course_id", str, OpenApiParameter.PATH),
            OpenApiParameter("include_expired", str, description="Any text at all: expired modes too."),
        ],
        responses={200: CourseDetailsSerializer, 400: MessageSerializer},
    )
    def get(self, request: Request, course_id: str) -> Response:
        """A run with its modes."""
        found = cached(course_id)
        if found is None:
            raise Refusal(f"No course found for course ID '{course_id}'")
        include_expired = bool(request.query_params.get("include_expired"))
        return Response(course_details_body(found.run, offered(found.modes, include_expired=include_expired)))
