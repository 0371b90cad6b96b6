"""Endpoints that depend on settings alone (contract: enrollment-api, GET /csrf/api/v1/token; settings, MFE_CONFIG)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.static import serve
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api import health


class PublicView(APIView):
    """For everybody; credentials are not looked at, not even bad ones."""

    authentication_classes = []
    permission_classes = [AllowAny]


class CsrfTokenView(PublicView):
    """The CSRF token that browser clients send back as `X-CSRFToken`; sets the cookie that belongs to it."""

    @extend_schema(responses=inline_serializer("CsrfToken", {"csrfToken": serializers.CharField()}))
    def get(self, request: Request) -> Response:
        return Response({"csrfToken": get_token(request._request)}, headers={"Cache-Control": "no-store"})


class MfeConfigView(PublicView):
    """The run-time configuration of the micro-frontends: `MFE_CONFIG`, with the overrides of the one that asks."""

    @extend_schema(
        parameters=[OpenApiParameter("mfe", str, description="The micro-frontend that asks, as in OVERRIDES.")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        shared: dict[str, Any] = dict(settings.MFE_CONFIG)
        overrides = shared.pop("OVERRIDES", None) or {}
        return Response({**shared, **overrides.get(request.query_params.get("mfe", ""), {})})


@never_cache
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is looked at."""
    return JsonResponse({"status": health.OK})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Every part that requests need answers: 200, else 503; the body names each."""
    checks = health.readiness()
    fit = all(outcome == health.OK for outcome in checks.values())
    return JsonResponse({"status": health.OK if fit else "failed", "checks": checks}, status=200 if fit else 503)


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """An uploaded file. Whatever it holds, a browser runs nothing of it."""
    try:
        response = serve(request, path, document_root=settings.MEDIA_ROOT)
    except SuspiciousFileOperation as outside:
        raise Http404 from outside
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response
