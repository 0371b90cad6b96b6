"""`.../courses/{course_id}/enrollments/`: a program's students in one of its runs (contract: program-enrollments)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from program_enrollments.queries.enrollments import students_in_run, with_staff
from program_enrollments.queries.programs import known_program, run_of_program
from program_enrollments.serializers.enrollments import InRunSerializer, StudentInRunSerializer, student_in_run_body
from program_enrollments.services.batches import Write
from program_enrollments.services.course_writes import write_students_in_run
from program_enrollments.views.batches import BatchView, batch_of


class CourseEnrollmentsView(BatchView):
    """For staff."""

    @extend_schema(responses=StudentInRunSerializer(many=True))
    def get(self, request: Request, program_uuid: str, course_id: str) -> Response:
        """A page of the program's students in the run; once for each curriculum."""
        program = known_program(program_uuid)
        run_id = run_of_program(program.pk, course_id)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(students_in_run(program.pk, run_id), request, self)
        return paginator.get_paginated_response([student_in_run_body(row) for row in with_staff(page, run_id)])

    @batch_of(InRunSerializer)
    def post(self, request: Request, program_uuid: str, course_id: str) -> Response:
        """Enroll students of the program in the run; who is in it already is a `conflict`."""
        return self._write(request, program_uuid, course_id, Write.CREATE)

    @batch_of(InRunSerializer)
    def patch(self, request: Request, program_uuid: str, course_id: str) -> Response:
        """Give students in the run a new status; who is not in it is `not-found`."""
        return self._write(request, program_uuid, course_id, Write.UPDATE)

    @batch_of(InRunSerializer)
    def put(self, request: Request, program_uuid: str, course_id: str) -> Response:
        """Enroll students of the program in the run, and give those who are in it a new status."""
        return self._write(request, program_uuid, course_id, Write.CREATE_OR_UPDATE)

    def _write(self, request: Request, program_uuid: str, course_id: str, write: Write) -> Response:
        program = known_program(program_uuid)
        run_id = run_of_program(program.pk, course_id)
        rows = self.rows(request, InRunSerializer)
        return self.answer(write_students_in_run(program.pk, run_id, rows, write))
