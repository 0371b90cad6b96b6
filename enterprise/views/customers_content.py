"""Whether the catalogs of a customer hold given content (contract: enterprise-customers 4.2.12)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import plus_signs
from config.api.throttles import HighServiceUserThrottle
from enterprise.permissions import CAN_VIEW_CATALOG, path, requires
from enterprise.queries.content import contains, filters_of
from enterprise.queries.customers import visible_customer
from enterprise.serializers.content import ContainsContentItemsSerializer

COURSES, PROGRAMS = "course_run_ids", "program_uuids"
NOTHING_ASKED = "You must provide at least one of the following query parameters: course_run_ids, program_uuids."

schema = extend_schema(
    parameters=[
        OpenApiParameter(COURSES, str, many=True, description="Keys of runs or courses; may be repeated."),
        OpenApiParameter(PROGRAMS, str, many=True, description="May be repeated."),
    ],
    responses={
        200: ContainsContentItemsSerializer,
        400: OpenApiResponse({"type": "array", "items": {"type": "string"}}, description="Neither parameter is given."),
    },
)
Handler = Callable[..., Response]


def asks_for_content(handler: Handler) -> Handler:
    """The handler runs only when a request names courses or programs, before anything else is looked at."""

    @wraps(handler)
    def checked(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Response:
        if COURSES not in request.query_params and PROGRAMS not in request.query_params:
            raise ValidationError([NOTHING_ASKED])
        return handler(view, request, *args, **kwargs)

    return cast(Handler, checked)


class CustomerContainsContentItemsView(DetailErrors, APIView):
    """`GET .../enterprise-customer/{uuid}/contains_content_items/`: whether one of the catalogs holds all of it."""

    throttle_classes = [HighServiceUserThrottle]

    @schema
    @asks_for_content
    @requires(CAN_VIEW_CATALOG, context=path("uuid"))
    def get(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        catalogs = filters_of([visible_customer(request, uuid).pk])
        return answer(request, [content_filter for _, _, content_filter in catalogs])


def answer(request: Request, filters: list[Any]) -> Response:
    """Whether one of the catalogs with these filters holds all that the request names."""
    asked = request.query_params
    courses = [plus_signs(key) for key in asked.getlist(COURSES)]
    return Response({"contains_content_items": contains(filters, courses, asked.getlist(PROGRAMS))})
