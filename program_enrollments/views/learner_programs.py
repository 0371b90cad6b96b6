"""`programs/enrollments/` and `programs/readonly_access/`: the caller's programs (contract: program-enrollments)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from program_enrollments.queries import learner_programs as queries
from program_enrollments.serializers.programs import ListedProgramSerializer, listed_program_body
from program_enrollments.views.base import SignedInView

DEFAULT_TYPE = "masters"


class LearnerProgramsView(SignedInView):
    """One view under two paths."""

    pagination_class = None

    @extend_schema(
        parameters=[
            OpenApiParameter("type", str, description="Of the programs; whatever its case.", default=DEFAULT_TYPE)
        ],
        responses=ListedProgramSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """All programs of a type for staff; others those where they are staff of a run, and those they are enrolled in.

        The type does not narrow the programs that the caller is enrolled in.
        """
        kind = request.query_params.get("type", DEFAULT_TYPE).lower()
        programs = queries.all_programs(kind) if request.user.is_staff else queries.own_programs(request.user, kind)
        return Response([listed_program_body(program) for program in programs])
