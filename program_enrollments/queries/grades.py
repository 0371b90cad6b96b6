"""Grades of the students of a program in one of its runs (contract: program-enrollments, grades)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import CharField, QuerySet

from config.db.reads import Given, KeyedStatement
from enrollments.models import CourseGrade
from program_enrollments.models import ProgramCourseEnrollment


class StudentGrade(NamedTuple):
    """What is stored of a student's grade: nothing, a grade, or the text that reading it fails with."""

    student_key: str | None
    percent: float = 0.0
    letter_grade: str | None = None
    error: str | None = None


def students_in_run(program_id: UUID, run_id: str) -> QuerySet[ProgramCourseEnrollment, Any]:
    """The program's enrollments in the run of students with an account, as named tuples for a paginator."""
    found = ProgramCourseEnrollment.objects.filter(
        course_key=run_id, program_enrollment__program_uuid=program_id, program_enrollment__user__isnull=False
    )
    columns = ("id", "program_enrollment__user_id", "program_enrollment__external_user_key")
    return found.order_by("id").values_list(*columns, named=True)


_grades = KeyedStatement(
    lambda user_ids: (
        CourseGrade.objects.filter(user__in_set=user_ids, course_id=Given("run", CharField()))
        .order_by()
        .values_list("user_id", "percent", "letter_grade", "error")
    )
)


def grades_of(page: Sequence[Any], run_id: str) -> list[StudentGrade]:
    """The grades of some `students_in_run`, in their order. One statement, none for nobody."""
    grades = {
        user_id: stored for user_id, *stored in _grades([row.program_enrollment__user_id for row in page], run=run_id)
    }
    return [
        StudentGrade(row.program_enrollment__external_user_key, *grades.get(row.program_enrollment__user_id, ()))
        for row in page
    ]
