"""`enrollment`: read and change plain enrollments (contract: enrollment-api, GET and POST enrollment)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db import DatabaseError
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.addresses import client_address
from config.api.authentication import BearerAuthentication, CrossDomainSessionAuthentication, JwtAuthentication
from config.api.csrf import SetsCsrfCookies
from config.api.exceptions import MessageErrors, Refusal
from config.api.fields import wire_time
from config.api.permissions import ApiKeyOrAuthenticated, has_api_key
from config.api.renderers import Prerendered, json_text
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.queries.course_details import Run
from enrollments.queries.course_modes import Mode, offered
from enrollments.queries.enrollments import EnrollmentRow, active_enrollments_of, enrollment_of
from enrollments.serializers.enrollments import (
    EnrollmentRequestSerializer,
    EnrollmentSerializer,
    MessageSerializer,
    course_details_body,
    enrollment_body,
    enrollment_text,
)
from enrollments.services.enrollment_ladder import Answer, Caller, Embargoed, ModeUnavailable, answer_request
from enrollments.throttles import SwitchedEnrollmentThrottle

NOTHING = OpenApiResponse(OpenApiTypes.NONE, description="An empty body: the caller may not know.")
RUN = OpenApiParameter("course_id", str, OpenApiParameter.PATH)
ONE_ENROLLMENT = {
    200: OpenApiResponse(EnrollmentSerializer, description="The enrollment; an empty body when there is none."),
    400: MessageSerializer,
    404: NOTHING,
}


def lookup_error(whose: str) -> Refusal:
    """The answer to a read that could not be made."""
    return Refusal(f"An error occurred while retrieving enrollments for {whose}")


class EnrollmentApiView(SetsCsrfCookies, MessageErrors, APIView):
    """What both views share: who may call, and what a row looks like."""

    authentication_classes = [JwtAuthentication, BearerAuthentication, CrossDomainSessionAuthentication]
    permission_classes = [ApiKeyOrAuthenticated]
    throttle_classes = [SwitchedEnrollmentThrottle]

    def sees_everything(self, request: Request) -> bool:
        """The API key or staff."""
        return request.user.is_staff or has_api_key(request)

    def show(self, request: Request, username: str, course_id: str) -> Response:
        """The steps of GET enrollment for one run, numbered as in the contract."""
        # 1
        if username != request.user.get_username() and not self.sees_everything(request):
            return Response(status=404)
        # 2, 3, 4
        try:
            row = enrollment_of(username, str(CourseKey.parse(course_id)))
        except (InvalidCourseKey, DatabaseError) as problem:
            raise lookup_error(f"user '{username}' in course '{course_id}'") from problem
        return Response(self.body_of(row) if row else None)

    def body_of(self, row: EnrollmentRow) -> dict[str, Any]:
        found = row.run
        return enrollment_body(
            created=row.created,
            mode=row.mode,
            is_active=row.is_active,
            username=row.username,
            course_details=course_details_body(found.run, offered(found.modes)) if found else None,
        )


@lru_cache(maxsize=8192)
def details_text(run: Run, modes: tuple[Mode, ...]) -> str:
    """A run as every enrollment in it shows it. Kept by what it says, so that nothing kept can be out of date."""
    return json_text(course_details_body(run, offered(modes)))


def enrollments_text(rows: list[EnrollmentRow]) -> Prerendered:
    """The list of enrollments: most of it are runs, and the same runs come again and again."""
    texts = [
        enrollment_text(
            created=f'"{row.created}"',
            mode=json_text(row.mode),
            is_active=row.is_active,
            username=json_text(row.username),
            course_details=details_text(row.run.run, tuple(row.run.modes)) if row.run else "null",
        )
        for row in rows
    ]
    return Prerendered(f"[{','.join(texts)}]")


class EnrollmentView(EnrollmentApiView):
    """One learner's enrollment in one run."""

    @extend_schema(
        parameters=[OpenApiParameter("username", str, OpenApiParameter.PATH), RUN],
        responses=ONE_ENROLLMENT,
        operation_id="api_enrollment_v1_enrollment_of_learner_retrieve",
    )
    def get(self, request: Request, username: str, course_id: str) -> Response:
        """Whether and how a learner is enrolled in a run."""
        return self.show(request, username, course_id)


class OwnEnrollmentView(EnrollmentApiView):
    """The caller's own enrollment in one run; that of the user without a name when only the API key calls."""

    @extend_schema(parameters=[RUN], responses=ONE_ENROLLMENT)
    def get(self, request: Request, course_id: str) -> Response:
        """Whether and how the caller is enrolled in a run."""
        return self.show(request, request.user.get_username(), course_id)


class EnrollmentListView(EnrollmentApiView):
    """A learner's enrollments, and every change to one."""

    @extend_schema(
        parameters=[OpenApiParameter("user", str, description="A username; the caller when left out.")],
        responses={200: EnrollmentSerializer(many=True)},
        operation_id="api_enrollment_v1_enrollment_list",
    )
    def get(self, request: Request) -> Response:
        """Active enrollments of a learner, the oldest first; of others those in runs whose staff the caller is."""
        own = request.user.get_username()
        username = request.query_params.get("user", own)
        sees_all = username == own or self.sees_everything(request)
        try:
            rows = active_enrollments_of(username, caller=request.user, sees_all=sees_all)
        except DatabaseError as problem:
            raise lookup_error(f"user '{username}'") from problem
        return Response(enrollments_text(rows))

    @extend_schema(
        request=EnrollmentRequestSerializer,
        responses={
            200: EnrollmentSerializer,
            400: MessageSerializer,
            403: MessageSerializer,
            404: NOTHING,
            406: MessageSerializer,
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """Enroll a learner, or change mode or activity of an enrollment; never 201."""
        caller = Caller(request.user, by_api_key=has_api_key(request), address=client_address(request))
        try:
            answer = answer_request(caller, request.data)
        except ModeUnavailable as refusal:
            refusal.body = {
                "message": refusal.text,
                "course_details": course_details_body(Run.of(refusal.run), refusal.modes),
            }
            raise
        except Embargoed as refusal:
            refusal.body = {"message": refusal.text, "user_message_url": request.build_absolute_uri(refusal.path)}
            raise
        return Response(self.answer_body(answer))

    def answer_body(self, answer: Answer) -> dict[str, Any]:
        enrollment, run = answer.enrollment, answer.run
        return enrollment_body(
            created=wire_time(enrollment.created),
            mode=enrollment.mode,
            is_active=enrollment.is_active,
            username=answer.learner.username,
            course_details=course_details_body(Run.of(run), offered(answer.modes)) if run else None,
        )
