"""Batches of students in a run of a program (contract: program-enrollments, .../courses/{course_id}/enrollments/).

Locks are taken in this order: accounts, students of programs, plain enrollments.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import Overtaken, insert_given, record_history, update_from
from enrollments.services.enroll import lock_accounts
from enterprise.queries.emails import lowered
from program_enrollments.models import ProgramCourseEnrollment
from program_enrollments.queries import batches as queries
from program_enrollments.queries.batches import Student, StudentInRun
from program_enrollments.services import course_staff
from program_enrollments.services.batches import (
    CONFLICT,
    INTERNAL_ERROR,
    INVALID_STATUS,
    NOT_FOUND,
    NOT_IN_PROGRAM,
    Row,
    Words,
    Write,
    carried_out,
)
from program_enrollments.services.masters import ACTIVE, Wanted, follow_statuses, put_in_masters_track

STATUSES = frozenset(ProgramCourseEnrollment.Status.values)

logger = logging.getLogger(__name__)


def write_students_in_run(program_id: UUID, run_id: str, rows: Sequence[Row], write: Write) -> Words:
    """Enrolls a program's students in one of its runs, or gives those who are a new status; makes them course staff.

    A fixed number of statements.

    Args:
        rows: `student_key`, `status`; `course_staff` where roles are to change.
    Returns:
        For each key the new status, or a word of `batches.ERRORS`.
    """
    return carried_out(rows, partial(_work, program_id, run_id, write))


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be done for a row: `here` is the student's enrollment in the run, None for a new one."""

    row: Row
    student: Student
    here: StudentInRun | None


def _work(program_id: UUID, run_id: str, write: Write, rows: Sequence[Row]) -> Words:
    known = queries.by_key(_locked(program_id, rows))
    ids = [student.id for students in known.values() for student in students]
    places = queries.in_run(ids, run_id)
    words: Words = {}
    steps = []
    for row in rows:
        key = row["student_key"]
        found = known.get(lowered(key), [])
        step = _step(row, [each for each in found if each.program_id == program_id], places)
        word = _refusal(row, program_id, found, places, step, write)
        words[key] = word or row["status"]
        if step is not None and not word:
            steps.append(step)
    students_in_run = _update([step for step in steps if step.here], run_id)
    created, failed = _create([step for step in steps if not step.here], run_id)
    words.update(dict.fromkeys(failed, INTERNAL_ERROR))
    students_in_run.update(created)
    course_staff.set_course_staff(
        {
            students_in_run[step.student.id]: step.row["course_staff"]
            for step in steps
            if step.student.id in students_in_run and "course_staff" in step.row
        }
    )
    return words


def _locked(program_id: UUID, rows: Sequence[Row]) -> list[Student]:
    """The students with these keys in all programs, locked; so are the accounts of those of this program, before.

    Raises:
        Overtaken: a student got another account meanwhile.
    """
    wanted = queries.students([row["student_key"] for row in rows])
    accounts = _accounts(queries.listed(wanted), program_id)
    if accounts:
        lock_accounts(accounts)
    found = queries.locked(wanted)
    if _accounts(found, program_id) - accounts:
        raise Overtaken("students were linked with accounts meanwhile")
    return found


def _accounts(found: Iterable[Student], program_id: UUID) -> set[int]:
    return {each.user_id for each in found if each.user_id is not None and each.program_id == program_id}


def _step(row: Row, here: Sequence[Student], places: dict[int, StudentInRun]) -> _Step | None:
    """Of a student in several curricula, the oldest that is in the run already; else the oldest of all."""
    if not here:
        return None
    student = next((each for each in here if each.id in places), here[0])
    return _Step(row, student, places.get(student.id))


def _refusal(
    row: Row,
    program_id: UUID,
    found: Iterable[Student],
    places: dict[int, StudentInRun],
    step: _Step | None,
    write: Write,
) -> str:
    """The word for a row that is not carried out; empty for one that is."""
    elsewhere = (places.get(each.id) for each in found if each.program_id != program_id)
    if row["status"] == ACTIVE and any(place and place.status == ACTIVE for place in elsewhere):
        logger.error("Student %r of %s is active in the run in another program.", row["student_key"], program_id)
        return CONFLICT
    if row["status"] not in STATUSES:
        return INVALID_STATUS
    if step is None:
        return NOT_IN_PROGRAM
    if step.here:
        return "" if write.updates else CONFLICT
    return "" if write.creates else NOT_FOUND


Students = dict[int, course_staff.StudentInRun]  # by the id of the student of the program


def _update(steps: Sequence[_Step], run_id: str) -> Students:
    """New statuses, with the plain enrollments that follow them. Who has the status already is left alone."""
    stored = [(step.here, step.row["status"]) for step in steps if step.here]
    changed = [(here, status) for here, status in stored if here.status != status]
    ids = [here.id for here, _ in changed]
    rows = [(here.id, status) for here, status in changed]
    update_from(ProgramCourseEnrollment, ("id", "status"), rows, same={"modified": timezone.now()})
    record_history(ProgramCourseEnrollment, ids, "~", user_id=acting_account_id())
    follow_statuses({here.enrollment_id: status for here, status in changed if here.enrollment_id is not None})
    return {
        step.student.id: course_staff.StudentInRun(step.here.id, run_id, step.student.user_id)
        for step in steps
        if step.here
    }


def _create(steps: Sequence[_Step], run_id: str) -> tuple[Students, list[str]]:
    """New students in the run, those with an account in its masters track; and the keys of those who cannot be there.

    Raises:
        Overtaken: somebody else put one of them there.
    """
    placed = put_in_masters_track(
        [Wanted(step.student.user_id, run_id, step.row["status"]) for step in steps if step.student.user_id is not None]
    )
    new, failed = {}, []
    for step in steps:
        user_id = step.student.user_id
        place = (user_id, run_id) if user_id is not None else None
        if place in placed.failures:
            logger.error("Student %r cannot be enrolled", step.row["student_key"], exc_info=placed.failures[place])
            failed.append(step.row["student_key"])
            continue
        enrollment = placed.enrollments[place] if place else None
        new[step.student.id] = (step.student, enrollment and enrollment.pk, step.row["status"])
    now = timezone.now()
    inserted = insert_given(
        ProgramCourseEnrollment,
        ("program_enrollment", "course_enrollment", "status"),
        [(student.id, enrollment_id, status) for student, enrollment_id, status in new.values()],
        same={"course_key": run_id, "created": now, "modified": now},
        returning=("pk", "program_enrollment"),
    )
    if len(inserted) != len(new):
        raise Overtaken(f"{len(inserted)} of {len(new)} students enrolled in {run_id}")
    record_history(ProgramCourseEnrollment, [pk for pk, _ in inserted], "+", user_id=acting_account_id())
    return {
        student_id: course_staff.StudentInRun(pk, run_id, new[student_id][0].user_id) for pk, student_id in inserted
    }, failed
