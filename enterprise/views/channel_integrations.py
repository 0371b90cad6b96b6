"""Integrations with other learning platforms: this service has none, and says so (contract: clients 3.3; settings)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

NO_CHANNELS = "This service has no integration channels."


class ChannelConfigurationsView(APIView):
    """The channels that customers have set up, for everybody who is signed in: none."""

    @extend_schema(
        parameters=[OpenApiParameter("enterprise_customer", str, description="The customer's uuid.")],
        responses={200: {"type": "array", "items": {}, "maxItems": 0}},
    )
    def get(self, request: Request) -> Response:
        """An empty list, whatever the customer."""
        return Response([])


class NoChannelView(APIView):
    """What belongs to a single channel: 404, whatever the method, for everybody who is signed in."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound(NO_CHANNELS)
