"""Programs, and the course runs that they hold (contract: program-enrollments, Program).

The runs of a program are those of its own courses and of its first active curriculum, and those of the child programs
that this curriculum names, and so on downwards.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
)
from django.db.models.functions import Lower

from config.api.exceptions import Refusal
from config.db.reads import Given, KeptInstances, KeptStatement, KeyedStatement
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import Course, CourseAccessRole, CourseOverview, Curriculum, Program
from enrollments.queries.course_roles import STAFF_ROLES

KNOWN = ("active", "retired")
NO_PROGRAM = "no program exists with given key"
BAD_RUN_KEY = "The provided course key cannot be parsed."
NO_RUN = "Unknown course {}"
NOT_IN_PROGRAM = "the program's curriculum does not contain the given course"

_in_order = ("position", "created", "pk")


# --- One program ----------------------------------------------------------------------------------------------------


def known_program(text: str) -> Program:
    """The active or retired program that a path names by its uuid, in lower case with hyphens.

    Raises:
        Refusal: 404 `program_does_not_exist`.
    """
    try:
        uuid = UUID(text)
    except ValueError:
        uuid = None
    found = _known(uuid=uuid) if uuid and str(uuid) == text else []
    if not found:
        raise Refusal(NO_PROGRAM, status=404, code="program_does_not_exist")
    program: Program = found[0]
    return program


_known = KeptInstances(lambda: Program.objects.filter(pk=Given("uuid", UUIDField()), status__in=KNOWN).order_by())


class Contents(NamedTuple):
    """A program with the child programs below it, and the curriculum of each that counts."""

    programs: frozenset[UUID]
    curricula: frozenset[UUID]


_active_curricula = KeyedStatement(
    lambda program_ids: (
        Curriculum.objects.filter(program__in_set=program_ids, is_active=True)
        .order_by("program", *_in_order)
        .values_list("program_id", "pk", "programs")
    )
)


def contents_of(program_id: UUID) -> Contents:
    """What a program is made of; one statement for each level of child programs."""
    programs: set[UUID] = set()
    curricula: dict[UUID, UUID] = {}
    level = {program_id}
    while level:
        programs |= level
        children = set()
        for parent, curriculum, child in _active_curricula(level):
            if curricula.setdefault(parent, curriculum) == curriculum and child is not None:
                children.add(child)
        level = children - programs
    return Contents(frozenset(programs), frozenset(curricula.values()))


def _held_by(programs: Collection[UUID], curricula: Collection[UUID]) -> Q:
    """The condition on a run that it belongs to one of these programs or curricula."""
    of_programs = Program.courses.through.objects.filter(program__in_set=programs)
    of_curricula = Curriculum.courses.through.objects.filter(curriculum__in_set=curricula)
    runs = Curriculum.course_runs.through.objects.filter(curriculum__in_set=curricula)
    return (
        Q(course__in=of_programs.values("course"))
        | Q(course__in=of_curricula.values("course"))
        | Q(pk__in=runs.values("courseoverview"))
    )


def runs_of(contents: Contents) -> QuerySet[CourseOverview]:
    """The runs of a program, in no order."""
    return CourseOverview.objects.filter(_held_by(*contents)).order_by()


def run_of_program(program_id: UUID, text: str) -> str:
    """The key of a run that a path names, which must be one of the program. One statement, after `contents_of`.

    Raises:
        Refusal: 404 `invalid_course_key`, `course_does_not_exist` or `course_not_in_program`.
    """
    try:
        key = CourseKey.parse(text)
    except InvalidCourseKey:
        key = None
    if key is None or key.run is None:
        raise Refusal(BAD_RUN_KEY, status=404, code="invalid_course_key")
    contents = contents_of(program_id)
    found = _run_rows(contents.programs | contents.curricula, run=str(key))
    if not found:
        raise Refusal(NO_RUN.format(key), status=404, code="course_does_not_exist")
    if not found[0][0]:
        raise Refusal(NOT_IN_PROGRAM, status=404, code="course_not_in_program")
    return str(key)


def _run(ids: list[UUID]) -> QuerySet[Any, Any]:
    """Whether the run is held; programs and curricula are one set of ids, as no uuid is that of both."""
    is_held = ExpressionWrapper(_held_by(ids, ids), output_field=BooleanField())
    return CourseOverview.objects.filter(pk=Given("run", CharField())).order_by().values_list(is_held)


_run_rows = KeyedStatement(_run)


# --- Many programs --------------------------------------------------------------------------------------------------


class ListedProgram(NamedTuple):
    """A program as lists of a learner's programs show it."""

    uuid: UUID
    slug: str


def programs_of_type(kind: str) -> list[ListedProgram]:
    """All known programs of a type, given in lower case, the oldest first; none of an empty one. One statement."""
    if not kind:
        return []
    found = Program.objects.alias(kind=Lower("type")).filter(kind=kind, status__in=KNOWN)
    return [ListedProgram(*row) for row in found.order_by("created", "pk").values_list("pk", "marketing_slug")]


def programs_among(staffed: Collection[UUID], enrolled: Collection[UUID], kind: str) -> list[ListedProgram]:
    """The known ones of some programs: those staffed and of a type, given in lower case, then those enrolled in.

    One statement, or none.
    """
    if not staffed and not enrolled:
        return []
    rows = Program.objects.filter(pk__in_set={*staffed, *enrolled}, status__in=KNOWN).order_by("created", "pk")
    found = list(rows.values_list("pk", "marketing_slug", "type"))
    by_role = [pk for pk, _, of_type in found if pk in staffed and kind and of_type.lower() == kind]
    in_order = dict.fromkeys([*by_role, *(pk for pk, _, _ in found if pk in enrolled)])
    slugs = {pk: slug for pk, slug, _ in found}
    return [ListedProgram(pk, slugs[pk]) for pk in in_order]


def staffed_programs(user_id: int) -> set[UUID]:
    """The programs that contain a run of whose staff the account is, of whatever status and type.

    Roles on a whole organisation do not count, nor do those on custom courses (CCX). One statement for each level of
    parent programs, and one more.
    """
    found: set[UUID] = set()
    level = {program for (program,) in _staffed(user_id=user_id)}
    while level:
        found |= level
        level = {program for (program,) in _parents(level)} - found
    return found


def _with_staff() -> QuerySet[Any, Any]:
    """The programs that hold such a run themselves."""
    roles = CourseAccessRole.objects.filter(user=Given("user_id", BigIntegerField()), role__in=STAFF_ROLES)
    keys = roles.exclude(course_id="").exclude(course_id__startswith="ccx-v1:").values("course_id")
    courses = Course.objects.filter(runs__in=keys)
    of_curricula = Curriculum.courses.through.objects.filter(course__in=courses.values("pk"))
    with_run = Curriculum.course_runs.through.objects.filter(courseoverview__in=keys)
    curricula = _counting_curricula().filter(
        Q(pk__in=of_curricula.values("curriculum")) | Q(pk__in=with_run.values("curriculum"))
    )
    holding = Program.objects.filter(Q(courses__in=courses.values("pk")) | Q(pk__in=curricula.values("program")))
    return holding.order_by().values_list("pk")


def _counting_curricula() -> QuerySet[Curriculum]:
    """The first active curriculum of every program."""
    of_program: Any = Curriculum.objects.filter(program=OuterRef("program"), is_active=True).order_by(*_in_order)
    return Curriculum.objects.filter(is_active=True, pk=Subquery(of_program.values("pk")[:1]))


_staffed = KeptStatement(_with_staff)
_parents = KeyedStatement(
    lambda ids: _counting_curricula().filter(programs__in_set=ids).order_by().values_list("program_id")
)


def programs_authored_by(organization_id: int) -> set[UUID]:
    """The known programs of an organisation, at whatever place among the authors. One statement."""
    found = Program.objects.filter(program_organizations__organization=organization_id, status__in=KNOWN)
    return set(found.order_by().values_list("pk", flat=True))


def owners_of(program_ids: Collection[UUID]) -> dict[UUID, int | None]:
    """The first authoring organisations of the known ones of some programs; None: there is no author. One statement."""
    rows = Program.objects.filter(pk__in_set=program_ids, status__in=KNOWN)
    authors = rows.order_by("program_organizations__position", "program_organizations__pk")
    owners: dict[UUID, int | None] = {}
    for program, organization in authors.values_list("pk", "program_organizations__organization"):
        owners.setdefault(program, organization)
    return owners


def titles_of(program_ids: Collection[UUID]) -> dict[UUID, str]:
    """The titles of the known ones of some programs. One statement."""
    rows = Program.objects.filter(pk__in_set=program_ids, status__in=KNOWN)
    return dict(rows.order_by().values_list("pk", "title"))
