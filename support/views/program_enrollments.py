"""Students of programs: linked with accounts, and looked at (contract: support)."""

from __future__ import annotations

from collections.abc import Mapping

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from support.queries.inspector import inspect, search_of
from support.serializers.program_enrollments import (
    InspectionSerializer,
    LinkedSerializer,
    LinkingRequestSerializer,
    inspection_body,
    linked_body,
)
from support.services.linking import link_lines
from support.views.base import AgentView


class LinkProgramEnrollmentsView(AgentView):
    """What is wrong with lines, or with all of them, is told in the answer, which is always a 200."""

    @extend_schema(request=LinkingRequestSerializer, responses=LinkedSerializer)
    def post(self, request: Request) -> Response:
        """Link students of a program with accounts."""
        # JSON that is no object names neither field.
        body = request.data if isinstance(request.data, Mapping) else {}
        return Response(linked_body(link_lines(body.get("program_uuid"), body.get("username_pair_text"))))


class ProgramEnrollmentsInspectorView(AgentView):
    """A student found by account, or by school and key."""

    @extend_schema(
        parameters=[
            OpenApiParameter("edx_user", str, description="User name or e-mail address; wins over the others."),
            OpenApiParameter("org_key", str, description="Short name of the organisation."),
            OpenApiParameter("external_user_key", str, description="The key that it knows the student by."),
        ],
        responses=InspectionSerializer,
    )
    def get(self, request: Request) -> Response:
        """The account, its ID verification and its enrollments in programs."""
        search = search_of(request.query_params)
        return Response(inspection_body(inspect(search), search.org_key))
