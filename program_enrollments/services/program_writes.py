"""Batches of students of a program (contract: program-enrollments, .../programs/{program_uuid}/enrollments/)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import insert_given, record_history, update_from
from enrollments.models import Program
from enterprise.queries.emails import lowered
from program_enrollments.models import ProgramEnrollment
from program_enrollments.queries.batches import Student, accounts_by_key, by_key, curricula_of, locked, students
from program_enrollments.services.batches import (
    CONFLICT,
    INVALID_STATUS,
    NOT_IN_PROGRAM,
    Row,
    Words,
    Write,
    carried_out,
)

STATUSES = frozenset(ProgramEnrollment.Status.values)


def write_students(program_id: UUID, rows: Sequence[Row], write: Write) -> Words:
    """Enrolls students in a program, or gives those who are a new status; a fixed number of statements.

    Args:
        rows: `student_key`, `status`, and for new students `curriculum_uuid`.
    Returns:
        For each key the new status, or a word of `batches.ERRORS`.
    """
    return carried_out(rows, partial(_work, program_id, write))


def _work(program_id: UUID, write: Write, rows: Sequence[Row]) -> Words:
    # One batch of a program at a time: of two that bring the same new student, the second must find it.
    list(Program.objects.select_for_update(no_key=True).filter(pk=program_id).values_list("pk"))
    words = {row["student_key"]: INVALID_STATUS for row in rows}
    valid = [row for row in rows if row["status"] in STATUSES]
    known = by_key(locked(students([row["student_key"] for row in valid]).filter(program_uuid=program_id)))
    new, changed = [], []
    for row in valid:
        key = row["student_key"]
        found = known.get(lowered(key))
        if found and write.updates:
            changed.append((_of_curriculum(found, row).id, row["status"]))
            words[key] = row["status"]
        elif found:
            words[key] = CONFLICT
        elif write.creates:
            new.append(row)
        else:
            words[key] = NOT_IN_PROGRAM
    _update(changed)
    if new:
        words.update(_create(program_id, new))
    return words


def _of_curriculum(found: Sequence[Student], row: Row) -> Student:
    """Of a student in several curricula, the oldest in the row's; else the oldest of all."""
    curriculum = row.get("curriculum_uuid")
    return next((student for student in found if student.curriculum_id == curriculum), found[0])


def _update(changed: Sequence[tuple[int, str]]) -> None:
    """Sets statuses; one that is repeated is history too."""
    update_from(ProgramEnrollment, ("id", "status"), changed, same={"modified": timezone.now()})
    record_history(ProgramEnrollment, [pk for pk, _ in changed], "~", user_id=acting_account_id())


class _New(NamedTuple):
    user_id: int | None
    key: str
    program_id: UUID
    curriculum_id: UUID
    status: str


def _create(program_id: UUID, rows: Sequence[Row]) -> Words:
    """New students, with the accounts that they are known by; an account is in a curriculum once."""
    accounts = accounts_by_key(program_id, [row["student_key"] for row in rows])
    taken: set[tuple[Any, UUID]] = curricula_of(set(accounts.values()), program_id)
    new = []
    for row in rows:
        user_id = accounts.get(lowered(row["student_key"]))
        place = (user_id, row["curriculum_uuid"])
        if place not in taken:
            new.append(_New(user_id, row["student_key"], program_id, row["curriculum_uuid"], row["status"]))
        if user_id is not None:
            taken.add(place)
    now = timezone.now()
    inserted = insert_given(
        ProgramEnrollment,
        ("user", "external_user_key", "program_uuid", "curriculum_uuid", "status"),
        new,
        same={"created": now, "modified": now},
        returning=("pk", "external_user_key"),
    )
    record_history(ProgramEnrollment, [pk for pk, _ in inserted], "+", user_id=acting_account_id())
    # What is missing now was put there by somebody who writes single students at the same moment.
    there = {key for _, key in inserted}
    return {row["student_key"]: row["status"] if row["student_key"] in there else CONFLICT for row in rows}
