"""API credentials that an admin makes to call the service from a program (contract: enterprise-customers 4.13).

They belong to the caller, not to the customer of the path, which only says whether its admins may have any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.throttles import UserThrottle
from enrollments.models import OAuthApplication, User
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, CustomerGeneratesApiCredentials, path, requires
from enterprise.serializers.api_credentials import (
    ApiCredentialsChangeSerializer,
    ApiCredentialsSerializer,
    RegeneratedSerializer,
    RegenerationSerializer,
)
from enterprise.services import api_credentials

FOREIGN_FIELD = "Invalid field for update: {}"
NOT_UPDATED = "Could not update."
SECRET = {"Cache-Control": "no-store"}
dashboard = requires(CAN_ACCESS_ADMIN_DASHBOARD, context=path("enterprise_uuid"))


class ApiCredentialsViewBase(DetailErrors, APIView):
    permission_classes = [IsAuthenticated, CustomerGeneratesApiCredentials]
    throttle_classes = [UserThrottle]


class ApiCredentialsView(ApiCredentialsViewBase):
    """`GET`, `POST`, `PUT` and `DELETE .../enterprise-customer-api-credentials/{enterprise_uuid}/`."""

    @extend_schema(responses=ApiCredentialsSerializer)
    @dashboard
    def get(self, request: Request, enterprise_uuid: str) -> Response:
        return _shown(api_credentials.of(_caller(request)))

    @extend_schema(request=None, responses={201: ApiCredentialsSerializer})
    @dashboard
    def post(self, request: Request, enterprise_uuid: str) -> Response:
        return _shown(api_credentials.create(_caller(request)), status=201)

    @extend_schema(request=ApiCredentialsChangeSerializer, responses=ApiCredentialsSerializer)
    @dashboard
    def put(self, request: Request, enterprise_uuid: str) -> Response:
        api_credentials.of(_caller(request))  # whoever has none hears that first
        given = _given(request)
        sent = ApiCredentialsChangeSerializer(data=given)
        for name in given if isinstance(given, dict) else ():
            if name not in sent.fields:
                raise Refusal(FOREIGN_FIELD.format(name))
        sent.is_valid(raise_exception=True)
        return _shown(api_credentials.change(_caller(request), sent.validated_data))

    @extend_schema(responses={200: OpenApiResponse(description="Deleted; no body.")})
    @dashboard
    def delete(self, request: Request, enterprise_uuid: str) -> Response:
        api_credentials.delete(_caller(request))
        return Response()


class RegenerateApiCredentialsView(ApiCredentialsViewBase):
    """`PUT .../enterprise-customer-api-credentials/{enterprise_uuid}/regenerate_credentials`: new id and secret."""

    @extend_schema(request=RegenerationSerializer, responses=RegeneratedSerializer)
    @dashboard
    def put(self, request: Request, enterprise_uuid: str) -> Response:
        api_credentials.of(_caller(request))
        given = _given(request)
        if not isinstance(given, dict) or given.get("redirect_uris") is None:
            raise Refusal(NOT_UPDATED)
        sent = RegenerationSerializer(data=given)
        sent.is_valid(raise_exception=True)
        application = api_credentials.regenerate(_caller(request), sent.validated_data["redirect_uris"])
        return Response(RegeneratedSerializer(application).data, headers=SECRET)


def _caller(request: Request) -> User:
    return cast(User, request.user)


def _given(request: Request) -> Any:
    """The body; of a form a plain dict, so that an empty value is one, as in JSON."""
    return dict(request.data.items()) if isinstance(request.data, Mapping) else request.data


def _shown(application: OAuthApplication, status: int = 200) -> Response:
    shown: dict[str, Any] = ApiCredentialsSerializer(application).data
    return Response(shown, status=status, headers=SECRET)
