"""`.../courses/{course_id}/grades/`: grades of a program's students (contract: program-enrollments, grades)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.pagination import ProgramCursor
from program_enrollments.queries.grades import grades_of, students_in_run
from program_enrollments.queries.programs import known_program, run_of_program
from program_enrollments.serializers.grades import GradeSerializer, grade_body, has_error
from program_enrollments.views.base import StaffView

PAGE = GradeSerializer(many=True)


class GradesView(StaffView):
    """For staff."""

    pagination_class = ProgramCursor

    @extend_schema(responses={200: PAGE, 204: PAGE, 207: PAGE, 422: PAGE})
    def get(self, request: Request, program_uuid: str, course_id: str) -> Response:
        """A page of grades; the status tells whether the page is empty, or grades of some or all could not be read."""
        program = known_program(program_uuid)
        run_id = run_of_program(program.pk, course_id)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(students_in_run(program.pk, run_id), request, self)
        rows = [grade_body(grade) for grade in grades_of(page, run_id)]
        response = paginator.get_paginated_response(rows)
        response.status_code = status_of(rows)
        return response


def status_of(rows: Sequence[dict[str, Any]]) -> int:
    """The status of an answer with a page of grades."""
    if not rows:
        return 204
    failed = sum(map(has_error, rows))
    if not failed:
        return 200
    return 207 if failed < len(rows) else 422
