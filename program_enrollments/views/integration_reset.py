"""`integration-reset`: a sandbox starts afresh (contract: program-enrollments, integration-reset)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import Problem, Refusal, StringErrors
from config.api.permissions import IsStaff
from program_enrollments.serializers.reset import ResetSerializer
from program_enrollments.services.reset import reset_organization
from program_enrollments.views.base import AUTHENTICATION

OFF = "reset not enabled on this environment"
NO_NAME = "missing required body content 'organization'"
DONE = "success"


class IntegrationResetView(StringErrors, APIView):
    """For staff, where `ENABLE_ENROLLMENT_RESET` is set. Every answer to them is a bare text."""

    authentication_classes = AUTHENTICATION
    permission_classes = [IsStaff]

    @classmethod
    def error_body(cls, problem: Problem) -> Any:
        """`detail` for callers who may not ask, a bare text for all others, also for a wrong method or media type."""
        if problem.status not in {401, 403}:
            return problem.detail
        # Bearer tokens are refused with a code and a text, and there is no place for the code here.
        text = problem.detail["developer_message"] if isinstance(problem.detail, Mapping) else problem.detail
        return {"detail": text}

    @extend_schema(
        request=ResetSerializer,
        responses={
            200: OpenApiResponse(OpenApiTypes.STR, description="Done."),
            501: OpenApiResponse(OpenApiTypes.STR, description="Not a sandbox."),
        },
    )
    def post(self, request: Request) -> Response:
        """Delete an organisation's students and the enrollments in its programs."""
        if not settings.ENABLE_ENROLLMENT_RESET:
            raise Refusal(OFF, status=501)
        body = request.data
        if not isinstance(body, Mapping) or "organization" not in body:
            raise Refusal(NO_NAME)
        reset_organization(str(body["organization"]))
        return Response(DONE)
