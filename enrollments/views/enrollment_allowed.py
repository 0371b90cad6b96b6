"""`enrollment_allowed/`: addresses that may enroll in any case (contract: enrollment-api, enrollment_allowed)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import JwtAuthentication, SessionAuthentication
from config.api.exceptions import MessageErrors, Refusal
from config.api.permissions import IsStaff
from config.api.throttles import EnrollmentThrottle
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseEnrollmentAllowed
from enrollments.serializers.enrollments import (
    EnrollmentAllowedKeySerializer,
    EnrollmentAllowedRequestSerializer,
    EnrollmentAllowedSerializer,
    MessageSerializer,
    allowed_body,
)
from enrollments.services import allowed

MISSING = "Please provide a value for 'email' and 'course_id' in the request data."
LONGEST_EMAIL = 255
FORM_WORDS = {"true": True, "false": False}


class EnrollmentAllowedView(MessageErrors, APIView):
    """Allowances, by address and run. The rate-limit switch does not reach it."""

    authentication_classes = [JwtAuthentication, SessionAuthentication]
    permission_classes = [IsStaff]
    throttle_classes = [EnrollmentThrottle]

    @extend_schema(
        parameters=[OpenApiParameter("email", str, description="An address; the caller's when left out.")],
        responses={200: EnrollmentAllowedSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """The allowances of an address, exactly as spelled."""
        email = request.query_params.get("email", getattr(request.user, "email", ""))
        rows = CourseEnrollmentAllowed.objects.filter(email=email).order_by("id")
        return Response([allowed_body(row) for row in rows])

    @extend_schema(
        request=EnrollmentAllowedRequestSerializer,
        responses={201: EnrollmentAllowedSerializer, 400: MessageSerializer, 409: MessageSerializer},
    )
    def post(self, request: Request) -> Response:
        """Allow an address to enroll in a run. An account that has it already is not enrolled by this."""
        email, course_id = address_and_run(request.data)
        try:
            key = CourseKey.parse(course_id)
        except InvalidCourseKey as problem:
            raise Refusal(f"'{course_id}' is not a valid course id.") from problem
        if not isinstance(email, str) or len(email) > LONGEST_EMAIL:
            raise Refusal(f"'{email}' is not a valid email.")
        row = allowed.allow(email, str(key), auto_enroll=wants_auto_enroll(request.data))
        return Response(allowed_body(row), status=201)

    @extend_schema(
        request=EnrollmentAllowedKeySerializer,
        responses={
            204: OpenApiResponse(OpenApiTypes.NONE, description="Taken back."),
            400: MessageSerializer,
            404: MessageSerializer,
        },
    )
    def delete(self, request: Request) -> Response:
        """Take an allowance back, a used one too; the enrollment stays."""
        email, course_id = address_and_run(request.data)
        allowed.disallow(str(email), str(course_id))
        return Response(status=204)


def address_and_run(body: object) -> tuple[Any, Any]:
    """The two keys of a body.

    Raises:
        Refusal: either is missing or empty.
    """
    fields = body if isinstance(body, Mapping) else {}
    email, course_id = fields.get("email"), fields.get("course_id")
    if not email or not course_id:
        raise Refusal(MISSING)
    return email, course_id


def wants_auto_enroll(body: Any) -> bool:
    """The flag of a body; forms say it in words.

    Raises:
        Refusal: it is neither true nor false.
    """
    value = body.get("auto_enroll", False)
    if isinstance(body, QueryDict):
        value = FORM_WORDS.get(str(value).lower())
    if not isinstance(value, bool):
        raise Refusal(f"'{body.get('auto_enroll')}' is not a valid value for 'auto_enroll': it must be true or false.")
    return value
