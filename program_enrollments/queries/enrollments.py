"""Lists of a program's students (contract: program-enrollments, GET of enrollments and of course enrollments)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import CharField, QuerySet

from config.db.reads import Given, KeyedStatement
from enrollments.models import CourseAccessRole
from enrollments.queries.course_roles import COUNTING_AS_STAFF
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment


def students_of(program_id: UUID) -> QuerySet[ProgramEnrollment, Any]:
    """All students of a program, in whatever curriculum and of whatever status, as named tuples for a paginator."""
    columns = (
        "id", "external_user_key", "status", "curriculum_uuid", "user_id", "user__username", "user__email",
    )  # fmt: skip
    rows = ProgramEnrollment.objects.filter(program_uuid=program_id)
    return rows.order_by("id").values_list(*columns, named=True)


def students_in_run(program_id: UUID, run_id: str) -> QuerySet[ProgramCourseEnrollment, Any]:
    """The students of a program in one of its runs, once for each curriculum, as named tuples for a paginator."""
    columns = (
        "id",
        "status",
        "program_enrollment__external_user_key",
        "program_enrollment__curriculum_uuid",
        "program_enrollment__user_id",
    )
    rows = ProgramCourseEnrollment.objects.filter(course_key=run_id, program_enrollment__program_uuid=program_id)
    return rows.order_by("id").values_list(*columns, named=True)


class ListedInRun(NamedTuple):
    """A student in a run as the list shows them."""

    student_key: str | None
    status: str
    curriculum_id: UUID
    has_account: bool
    is_staff: bool


_staff = KeyedStatement(
    lambda user_ids: (
        CourseAccessRole.objects.filter(
            user__in_set=user_ids,
            user__is_active=True,
            course_id=Given("run", CharField()),
            role__in=COUNTING_AS_STAFF,
        )
        .order_by()
        .values_list("user_id")
    )
)

_pending_staff = KeyedStatement(
    lambda ids: (
        CourseAccessRoleAssignment.objects.filter(enrollment__in_set=ids, role=CourseAccessRoleAssignment.Role.STAFF)
        .order_by()
        .values_list("enrollment_id")
    )
)


def with_staff(page: Sequence[Any], run_id: str) -> list[ListedInRun]:
    """Some `students_in_run`, in their order, and whether they are or will be staff of the run. Two statements."""
    accounts = {row.program_enrollment__user_id for row in page} - {None}
    staff = {user_id for (user_id,) in _staff(accounts, run=run_id)}
    waiting = [row.id for row in page if row.program_enrollment__user_id is None]
    pending = {pk for (pk,) in _pending_staff(waiting)}
    return [
        ListedInRun(
            row.program_enrollment__external_user_key,
            row.status,
            row.program_enrollment__curriculum_uuid,
            row.program_enrollment__user_id is not None,
            row.program_enrollment__user_id in staff or row.id in pending,
        )
        for row in page
    ]
