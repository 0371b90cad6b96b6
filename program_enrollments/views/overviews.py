"""How a learner stands in the runs of a program (contract: program-enrollments, users/.../courses and overview/)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.pagination import LearnerCursor
from enrollments.models import Program
from program_enrollments.queries import overviews as queries
from program_enrollments.queries.programs import known_program
from program_enrollments.serializers.overviews import (
    ProgramOverviewSerializer,
    RunOverviewSerializer,
    run_overview_body,
)
from program_enrollments.views.base import SignedInView


class OverviewView(SignedInView):
    """For learners of a program, about themselves."""

    def program(self, request: Request, program_uuid: str) -> Program:
        """The program, in which the caller must be enrolled.

        Raises:
            Refusal: 404, it is not known.
            PermissionDenied: the caller is not enrolled.
        """
        program = known_program(program_uuid)
        if not queries.is_enrolled(request.user, program.pk):
            raise PermissionDenied
        return program

    def shown(self, request: Request, program: Program, enrollments: Any) -> list[dict[str, Any]]:
        """The runs of some enrollments as answers show them."""
        run_ids = [enrollment.course_id for enrollment in enrollments]
        return [run_overview_body(overview, request) for overview in queries.overviews(request.user, program, run_ids)]


class LearnerCoursesView(OverviewView):
    """`GET .../users/{username}/programs/{program_uuid}/courses`."""

    pagination_class = LearnerCursor

    @extend_schema(responses=RunOverviewSerializer(many=True))
    def get(self, request: Request, username: str, program_uuid: str) -> Response:
        """A page of the caller's runs; of nobody else's, whoever asks."""
        program = self.program(request, program_uuid)
        if username != request.user.get_username():
            raise PermissionDenied
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.enrollments_of(request.user, program.pk), request, self)
        return paginator.get_paginated_response(self.shown(request, program, page))


class ProgramOverviewView(OverviewView):
    """`GET .../programs/{program_uuid}/overview/`, the older way to ask for the same."""

    @extend_schema(responses=ProgramOverviewSerializer, deprecated=True)
    def get(self, request: Request, program_uuid: str) -> Response:
        """All of the caller's runs at once."""
        program = self.program(request, program_uuid)
        enrollments = queries.enrollments_of(request.user, program.pk)
        return Response({"course_runs": self.shown(request, program, enrollments)})
