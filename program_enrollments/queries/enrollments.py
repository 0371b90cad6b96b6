"""Lists of a program's students (contract: program-enrollments, GET of enrollments and of course enrollments)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import CharField, QuerySet, UUIDField

from config.db.keysets import KeptKeyset, Keyset
from config.db.reads import Given, KeyedStatement
from enrollments.models import CourseAccessRole
from enrollments.queries.course_roles import COUNTING_AS_STAFF
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment

_PROGRAM = Given("program", UUIDField())


class Student(NamedTuple):
    """A student of a program in one curriculum; who has no account has no user name and no address."""

    id: int
    external_user_key: str | None
    status: str
    curriculum_uuid: UUID
    user_id: int | None
    username: str | None
    email: str | None


def _students() -> QuerySet[ProgramEnrollment, Any]:
    columns = *Student._fields[:5], "user__username", "user__email"
    return ProgramEnrollment.objects.filter(program_uuid=_PROGRAM).values_list(*columns)


_of_program = KeptKeyset(_students, Student)


def students_of(program_id: UUID) -> Keyset:
    """All students of a program, in whatever curriculum and of whatever status, each a `Student`, for a paginator."""
    return _of_program.of(program=program_id)


class StudentInRun(NamedTuple):
    """A student of a program in one of its runs, by one curriculum."""

    id: int
    status: str
    external_user_key: str | None
    curriculum_uuid: UUID
    user_id: int | None


def _students_in_run() -> QuerySet[ProgramCourseEnrollment, Any]:
    columns = "id", "status", *(f"program_enrollment__{name}" for name in StudentInRun._fields[2:])
    rows = ProgramCourseEnrollment.objects.filter(
        course_key=Given("run", CharField()), program_enrollment__program_uuid=_PROGRAM
    )
    return rows.values_list(*columns)


_in_run = KeptKeyset(_students_in_run, StudentInRun)


def students_in_run(program_id: UUID, run_id: str) -> Keyset:
    """The students of a program in one of its runs, a `StudentInRun` for each curriculum, for a paginator."""
    return _in_run.of(program=program_id, run=run_id)


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


def with_staff(page: Sequence[StudentInRun], run_id: str) -> list[ListedInRun]:
    """Some `students_in_run`, in their order, and whether they are or will be staff of the run. Two statements."""
    accounts = {row.user_id for row in page} - {None}
    staff = {user_id for (user_id,) in _staff(accounts, run=run_id)}
    waiting = [row.id for row in page if row.user_id is None]
    pending = {pk for (pk,) in _pending_staff(waiting)}
    return [
        ListedInRun(
            row.external_user_key,
            row.status,
            row.curriculum_uuid,
            row.user_id is not None,
            row.user_id in staff or row.id in pending,
        )
        for row in page
    ]
