"""The course modes API (contract: enrollment-api, Course modes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import BearerAuthentication, InactiveSessionAuthentication, JwtAuthentication
from config.api.exceptions import DetailErrors
from config.api.parsers import MergePatchParser
from config.api.permissions import IsStaff, RestrictedApplicationScope
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseMode
from enrollments.serializers.course_modes import CourseModePatchSerializer, CourseModeSerializer, course_mode_body
from enrollments.services import course_modes

RUN = OpenApiParameter("course_id", str, OpenApiParameter.PATH)
SLUG = OpenApiParameter("mode_slug", str, OpenApiParameter.PATH)
DONE = OpenApiResponse(OpenApiTypes.NONE, description="Done.")


class CourseModesApiView(DetailErrors, APIView):
    """Staff do anything; a restricted application reads the modes of its organisations."""

    authentication_classes = [JwtAuthentication, BearerAuthentication, InactiveSessionAuthentication]
    permission_classes = [IsStaff | RestrictedApplicationScope]
    admits_restricted_applications = True
    scopes_by_method: ClassVar[Mapping[str, list[str]]] = {
        "GET": ["course_modes:read"],
        "HEAD": ["course_modes:read"],
    }

    @property
    def required_scopes(self) -> list[str]:
        return self.scopes_by_method.get(self.request.method or "", [])

    def requested_organization(self) -> str:
        try:
            return CourseKey.parse(self.kwargs["course_id"]).org
        except InvalidCourseKey:
            return ""


class CourseModeListView(CourseModesApiView):
    """The modes of a run."""

    @extend_schema(parameters=[RUN], responses={200: CourseModeSerializer(many=True)})
    def get(self, request: Request, course_id: str) -> Response:
        """All mode rows of a run, expired ones too."""
        return Response(
            [course_mode_body(mode) for mode in CourseMode.objects.filter(course_id=course_id).order_by("id")]
        )

    @extend_schema(parameters=[RUN], request=CourseModeSerializer, responses={201: CourseModeSerializer})
    def post(self, request: Request, course_id: str) -> Response:
        """Add a mode to the run that the body names."""
        serializer = CourseModeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(course_mode_body(course_modes.create(serializer.validated_data)), status=201)


class CourseModeView(CourseModesApiView):
    """One mode of a run: the first stored, where the run has it in several currencies."""

    def get_parsers(self) -> list[Any]:
        return [MergePatchParser()]

    def mode(self) -> CourseMode:
        found = CourseMode.objects.filter(**self.kwargs).order_by("id").first()
        if found is None:
            raise Http404
        return found

    @extend_schema(parameters=[RUN, SLUG], responses={200: CourseModeSerializer})
    def get(self, request: Request, course_id: str, mode_slug: str) -> Response:
        """One mode row."""
        return Response(course_mode_body(self.mode()))

    @extend_schema(
        parameters=[RUN, SLUG],
        request={MergePatchParser.media_type: CourseModePatchSerializer},
        responses={204: DONE},
    )
    def patch(self, request: Request, course_id: str, mode_slug: str) -> Response:
        """Change a mode by a JSON merge patch."""
        changes, mode = request.data, self.mode()
        serializer = CourseModePatchSerializer(data=changes, partial=True)
        serializer.is_valid(raise_exception=True)
        course_modes.change(mode, serializer.validated_data)
        return Response(status=204)

    @extend_schema(parameters=[RUN, SLUG], responses={204: DONE})
    def delete(self, request: Request, course_id: str, mode_slug: str) -> Response:
        """Take a mode away."""
        course_modes.delete(self.mode())
        return Response(status=204)
