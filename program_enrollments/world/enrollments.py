"""Students of programs, and of their runs. Both are named by an external key, or by a user where there is none."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby
from typing import Any

from django.db import models

from config.world import ROW_ID, Column, Entry, Load, Reference, Refused, Section, Shape, Table, columns
from config.world.tables import BATCH
from enrollments.models import CourseAccessRole, CourseOverview
from enrollments.world.enrollments import ENROLLMENT_TABLE
from enrollments.world.lookups import ACCOUNT, PROGRAM, RUN
from enterprise.queries.emails import lowered
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment

MODE = "masters"
STAFF = CourseAccessRoleAssignment.Role.STAFF

_NO_FIELDS = Shape(fields={})


class StudentSection(Section):
    """A section whose objects name a student by external key, ignoring case, or by user."""

    def identity(self, entry: Entry) -> Hashable:
        if any(name not in entry.given for name in self.key):
            return id(entry)
        return (*(entry.given[name] for name in self.key), *_named(entry.given))


def _named(given: Mapping[str, Any]) -> tuple[str | None, Any]:
    """How an object names its student: by a key, in lower case, or else by a user."""
    key = given.get("external_user_key")
    return (lowered(key), None) if key is not None else (None, given.get("user"))


def _has_key(entry: Entry) -> bool:
    return entry.given.get("external_user_key") is not None


def _refuse_nameless(load: Load, entries: Sequence[Entry]) -> None:
    for entry in entries:
        if not _has_key(entry) and entry.given.get("user") is None:
            load.note(Refused(entry.place, "This needs an external_user_key or a user."))
    load.stop_if_refused()


# --- program_enrollments ------------------------------------------------------------------------------------------

_BY_KEY = Table(
    model=ProgramEnrollment,
    key=("program_uuid", "curriculum_uuid", "external_user_key"),
    fold={"external_user_key": lambda key: lowered(key) if key is not None else None},
    in_bulk=True,
)
_BY_USER = Table(model=ProgramEnrollment, key=("program_uuid", "curriculum_uuid", "user_id"), in_bulk=True)


def _load_students(load: Load, entries: list[Entry]) -> None:
    _refuse_nameless(load, entries)
    # In groups, so that rows are numbered in the order of the file.
    for by_key, group in groupby(entries, _has_key):
        students = list(group)
        (_BY_KEY if by_key else _BY_USER).store(load, students)


PROGRAM_ENROLLMENTS = StudentSection(
    name="program_enrollments",
    key=("program", "curriculum"),
    fields={
        "id": ROW_ID,
        "program": Reference(PROGRAM, "program_uuid"),
        "curriculum": Column(ProgramEnrollment._meta.get_field("curriculum_uuid"), "curriculum_uuid"),
        "user": Reference(ACCOUNT, "user_id", null=True),
        **columns(ProgramEnrollment, "external_user_key", "status", "created", "modified"),
    },
    load=_load_students,
)

# --- program_course_enrollments -----------------------------------------------------------------------------------

_IN_RUN = Table(model=ProgramCourseEnrollment, key=("program_enrollment_id", "course_key"), in_bulk=True)


def _load_students_in_runs(load: Load, entries: list[Entry]) -> None:
    _refuse_nameless(load, entries)
    users = _find_students(load, entries)
    _enroll(load, [entry for entry in entries if users[id(entry)] is not None], users)
    _IN_RUN.store(load, entries)
    _give_roles([entry for entry in entries if users[id(entry)] is not None and entry.given.get("course_staff")], users)
    _assign_roles([entry for entry in entries if users[id(entry)] is None and "course_staff" in entry.given])


def _find_students(load: Load, entries: Sequence[Entry]) -> dict[int, int | None]:
    """Gives each entry its program enrollment; returns the accounts of the students by entry."""
    programs = {entry.given["program"] for entry in entries}
    rows = ProgramEnrollment.objects.filter(program_uuid__in_set=programs).order_by("-pk")
    found: dict[Hashable, tuple[int, int | None]] = {}
    for pk, program, curriculum, key, user_id in rows.values_list(
        "pk", "program_uuid", "curriculum_uuid", "external_user_key", "user_id"
    ):
        student = (pk, user_id)
        if key is not None:
            found[program, curriculum, lowered(key), None] = student
        if user_id is not None:
            found[program, curriculum, None, user_id] = student
    users = {}
    for entry in entries:
        named = (entry.given["program"], entry.given["curriculum"], *_named(entry.given))
        if named not in found:
            load.note(Refused(entry.place, "There is no such program enrollment, neither here nor in the database."))
            continue
        entry.values["program_enrollment_id"], users[id(entry)] = found[named]
    load.stop_if_refused()
    return users


def _enroll(load: Load, entries: Sequence[Entry], users: Mapping[int, int | None]) -> None:
    """Ties realised students to their plain enrollments; those that are missing are made."""
    plain: dict[tuple[int | None, str], Entry] = {}
    for entry in entries:
        run = entry.values["course_key"]
        made = plain.setdefault(
            (users[id(entry)], run),
            Entry(
                entry.place,
                _NO_FIELDS,
                values={"user_id": users[id(entry)], "course_id": run},
                defaults={"mode": MODE, "is_active": False},
            ),
        )
        # In several programs at once, the learner is in as long as one of them says so.
        made.defaults["is_active"] |= entry.values.get("status") == ProgramCourseEnrollment.Status.ACTIVE
    ENROLLMENT_TABLE.store(load, list(plain.values()))
    for entry in entries:
        made = plain[users[id(entry)], entry.values["course_key"]]
        entry.values["course_enrollment_id"] = made.row.pk
        entry.changed |= made.created


def _give_roles(entries: Sequence[Entry], users: Mapping[int, int | None]) -> None:
    """Realised students who are staff of the run hold the role itself."""
    runs = [entry.values["course_key"] for entry in entries]
    held = CourseAccessRole.objects.filter(course_id__in_set=runs, role=STAFF)
    known = set(held.values_list("user_id", "course_id"))
    orgs = dict(CourseOverview.objects.filter(pk__in_set=runs).order_by().values_list("pk", "org"))
    missing: dict[Any, CourseAccessRole] = {}
    for entry in entries:
        user_id, run_id = place = users[id(entry)], entry.values["course_key"]
        if user_id is not None and place not in known:
            missing[place] = CourseAccessRole(user_id=user_id, course_id=run_id, org=orgs[run_id], role=STAFF)
            entry.changed = True
    CourseAccessRole.objects.bulk_create(missing.values(), batch_size=BATCH)


def _assign_roles(entries: Sequence[Entry]) -> None:
    """Waiting students who are to be staff of the run have a pending role, others have none."""
    rows = CourseAccessRoleAssignment.objects.filter(enrollment__in_set=[entry.row.pk for entry in entries], role=STAFF)
    stored = set(rows.values_list("enrollment_id", flat=True))
    wanted = {entry.row.pk for entry in entries if entry.given["course_staff"]}
    here = {entry.row.pk for entry in entries}
    rows.filter(enrollment__in_set=here - wanted).delete()
    CourseAccessRoleAssignment.objects.bulk_create(
        [CourseAccessRoleAssignment(enrollment_id=pk, role=STAFF) for pk in sorted(wanted - stored)], batch_size=BATCH
    )
    for entry in entries:
        entry.changed |= (entry.row.pk in stored) != (entry.row.pk in wanted)


PROGRAM_COURSE_ENROLLMENTS = StudentSection(
    name="program_course_enrollments",
    key=("program", "curriculum", "course_run"),
    fields={
        "id": ROW_ID,
        "program": Reference(PROGRAM),
        "curriculum": Column(ProgramEnrollment._meta.get_field("curriculum_uuid")),
        "external_user_key": Column(ProgramEnrollment._meta.get_field("external_user_key")),
        "user": Reference(ACCOUNT, null=True),
        "course_run": Reference(RUN, "course_key"),
        **columns(ProgramCourseEnrollment, "status", "created", "modified"),
        "course_staff": Column(models.BooleanField()),
    },
    load=_load_students_in_runs,
)
