"""Grades of the students of a program in one of its runs (contract: program-enrollments, grades)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import CharField, QuerySet, UUIDField

from config.db.keysets import KeptKeyset, Keyset
from config.db.reads import Given, KeyedStatement
from enrollments.models import CourseGrade
from program_enrollments.models import ProgramCourseEnrollment


class StudentGrade(NamedTuple):
    """What is stored of a student's grade: nothing, a grade, or the text that reading it fails with."""

    student_key: str | None
    percent: float = 0.0
    letter_grade: str | None = None
    error: str | None = None


class Student(NamedTuple):
    """An enrollment in a run of a student with an account."""

    id: int
    user_id: int
    student_key: str | None


def _students_in_run() -> QuerySet[ProgramCourseEnrollment, Any]:
    found = ProgramCourseEnrollment.objects.filter(
        course_key=Given("run", CharField()),
        program_enrollment__program_uuid=Given("program", UUIDField()),
        program_enrollment__user__isnull=False,
    )
    return found.values_list("id", "program_enrollment__user_id", "program_enrollment__external_user_key")


_students = KeptKeyset(_students_in_run, Student)


def students_in_run(program_id: UUID, run_id: str) -> Keyset:
    """The program's enrollments in the run of students with an account, each a `Student`, for a paginator."""
    return _students.of(program=program_id, run=run_id)


_grades = KeyedStatement(
    lambda user_ids: (
        CourseGrade.objects.filter(user__in_set=user_ids, course_id=Given("run", CharField()))
        .order_by()
        .values_list("user_id", "percent", "letter_grade", "error")
    )
)


def grades_of(page: Sequence[Student], run_id: str) -> list[StudentGrade]:
    """The grades of some `students_in_run`, in their order. One statement, none for nobody."""
    grades = {user_id: stored for user_id, *stored in _grades([row.user_id for row in page], run=run_id)}
    return [StudentGrade(row.student_key, *grades.get(row.user_id, ())) for row in page]
