"""The service's URLs and the floor: what a request costs here that does nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import JwtAuthentication


@lru_cache
def constant(size: int) -> list[dict[str, Any]]:
    """About as many bytes of JSON, in objects such as the API's."""
    item = {"created": "2031-01-10T08:30:00Z", "mode": "verified", "is_active": True, "user": "x" * 60}
    return [item] * max(1, size // 138)


class FloorView(APIView):
    """A bare view with the same authentication; no query of its own, no throttle, a constant answer of `?bytes=N`."""

    authentication_classes = [JwtAuthentication]

    def get(self, request: Request) -> Response:
        return Response(constant(int(request.query_params.get("bytes", "200"))))

    def post(self, request: Request) -> Response:
        return self.get(request)


urlpatterns = [path("bench/floor", FloorView.as_view()), path("", include("config.urls"))]
