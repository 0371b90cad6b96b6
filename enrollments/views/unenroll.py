"""`unenroll/`: end all enrollments of a retiring learner (contract: enrollment-api, POST unenroll)."""

from __future__ import annotations

from collections.abc import Mapping

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import JwtAuthentication, SessionAuthentication
from config.api.exceptions import Refusal, StringErrors
from enrollments.permissions import CanRetireUsers
from enrollments.serializers.enrollments import UnenrollRequestSerializer
from enrollments.services.unenroll import unenroll_retiring


class UnenrollView(StringErrors, APIView):
    """A step of the retirement pipeline."""

    authentication_classes = [JwtAuthentication, SessionAuthentication]
    permission_classes = [CanRetireUsers]

    @extend_schema(
        request=UnenrollRequestSerializer,
        responses={
            200: OpenApiResponse(
                serializers.ListSerializer(child=serializers.CharField()), description="Short names of organisations."
            ),
            204: OpenApiResponse(OpenApiTypes.NONE, description="The learner had no active enrollment."),
        },
    )
    def post(self, request: Request) -> Response:
        """Deactivate every enrollment of the learner whose retirement was requested under this username."""
        body = request.data
        if not isinstance(body, Mapping) or "username" not in body:
            raise Refusal("Username not specified.", status=404)
        orgs = unenroll_retiring(body["username"])
        return Response(status=204) if orgs is None else Response(orgs)
