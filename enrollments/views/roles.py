"""`roles/`: the caller's own course roles (contract: enrollment-api, GET roles)."""

from __future__ import annotations

from django.db import DatabaseError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import BearerAuthentication, CrossDomainSessionAuthentication, JwtAuthentication
from config.api.csrf import SetsCsrfCookies
from config.api.exceptions import MessageErrors, Refusal
from config.api.filters import plus_signs
from config.api.permissions import ApiKeyOrAuthenticated
from config.api.throttles import EnrollmentThrottle
from enrollments.queries.course_roles import roles_of
from enrollments.serializers.enrollments import CourseRolesSerializer, course_role_body


class CourseRolesView(SetsCsrfCookies, MessageErrors, APIView):
    """Roles on runs, on organisations and on the whole service. The rate-limit switch does not reach it."""

    authentication_classes = [JwtAuthentication, BearerAuthentication, CrossDomainSessionAuthentication]
    permission_classes = [ApiKeyOrAuthenticated]
    throttle_classes = [EnrollmentThrottle]

    @extend_schema(
        parameters=[OpenApiParameter("course_id", str, description="Only roles on this run.")],
        responses={200: CourseRolesSerializer},
    )
    def get(self, request: Request) -> Response:
        """The caller's roles."""
        caller = request.user
        # The quote is never closed: clients know the text so.
        refusal = Refusal(f"An error occurred while retrieving roles for user '{caller.get_username()}")
        if not caller.is_authenticated:
            raise refusal
        run_id = plus_signs(request.query_params.get("course_id", ""))
        try:
            roles = roles_of(caller, run_id)
        except DatabaseError as problem:
            raise refusal from problem
        return Response({"roles": [course_role_body(role) for role in roles], "is_staff": caller.is_staff})
