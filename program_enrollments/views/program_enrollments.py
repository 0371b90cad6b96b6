"""`programs/{program_uuid}/enrollments/`: the students of a program (contract: program-enrollments)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from program_enrollments.queries.enrollments import students_of
from program_enrollments.queries.programs import known_program
from program_enrollments.serializers.enrollments import (
    KnownStudentSerializer,
    NewStudentSerializer,
    RowSerializer,
    StudentSerializer,
    student_body,
)
from program_enrollments.services.batches import Write
from program_enrollments.services.program_writes import write_students
from program_enrollments.views.batches import BatchView, batch_of


class ProgramEnrollmentsView(BatchView):
    """For staff."""

    # Else the name of the operation on `programs/enrollments/`.
    @extend_schema(
        operation_id="api_program_enrollments_v1_programs_students_list", responses=StudentSerializer(many=True)
    )
    def get(self, request: Request, program_uuid: str) -> Response:
        """A page of students, of whatever curriculum and status, with an account or without."""
        program = known_program(program_uuid)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(students_of(program.pk), request, self)
        return paginator.get_paginated_response([student_body(row) for row in page])

    @batch_of(NewStudentSerializer)
    def post(self, request: Request, program_uuid: str) -> Response:
        """Enroll new students; who is in the program already is a `conflict`."""
        return self._write(request, program_uuid, NewStudentSerializer, Write.CREATE)

    @batch_of(KnownStudentSerializer)
    def patch(self, request: Request, program_uuid: str) -> Response:
        """Give students a new status; who is not in the program is `not-in-program`."""
        return self._write(request, program_uuid, KnownStudentSerializer, Write.UPDATE)

    @batch_of(NewStudentSerializer)
    def put(self, request: Request, program_uuid: str) -> Response:
        """Enroll new students, and give those who are in the program a new status."""
        return self._write(request, program_uuid, NewStudentSerializer, Write.CREATE_OR_UPDATE)

    def _write(self, request: Request, program_uuid: str, row: type[RowSerializer], write: Write) -> Response:
        program = known_program(program_uuid)
        return self.answer(write_students(program.pk, self.rows(request, row), write))
