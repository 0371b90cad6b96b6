"""`roles/`: the caller's own course roles (contract: enrollment-api, GET roles)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import BearerAuthentication, CrossDomainSessionAuthentication, JwtAuthentication
from config.api.csrf import SetsCsrfCookies
from config.api.exceptions import MessageErrors, Refusal
from config.api.permissions import ApiKeyOrAuthenticated
from config.api.throttles import EnrollmentThrottle
from enrollments.queries.course_roles import roles_of
from enrollments.serializers.enrollments import CourseRolesSerializer


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
        if not request.user.is_authenticated:
            # The quote is never closed: clients know the text so.
            raise Refusal(f"An error occurred while retrieving roles for user '{request.user.get_username()}")
        # Plus signs that were not escaped in the query arrive as blanks, which no key has.
        run_id = request.query_params.get("course_id", "").replace(" ", "+")
        roles = [
            {"org": role.org, "course_id": role.course_id or "None", "role": role.role}
            for role in roles_of(request.user, run_id)
        ]
        return Response({"roles": roles, "is_staff": request.user.is_staff})
