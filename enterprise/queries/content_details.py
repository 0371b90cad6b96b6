"""Courses, runs and programs of a catalog with all that their detail objects show (contract: enterprise-customers 5.2).

Each costs a fixed number of statements, however many runs and courses hang on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from config.db import sets  # noqa: F401  (registers the look-up `in_set`)
from enrollments.models import Course, CourseOverview, CreditProvider, Curriculum, Organization, Program
from enterprise.content.language import read
from enterprise.content.runs import Run, advertised_run, load_runs, runs_of_courses
from enterprise.models import EnterpriseCustomerCatalog
from enterprise.queries.content import effective_filter, holds

CREDIT = "credit"


@dataclass
class RunDetails:
    """A run with its modes; its course is read along. `credit_provider` is the id of who grants credit for it first."""

    run: Run
    credit_provider: str | None = None


@dataclass
class CourseDetails:
    """A course with its runs, the programs it is part of, and the run that it advertises."""

    course: Course
    runs: list[RunDetails]
    programs: list[Program]
    advertised: Run | None


@dataclass
class ProgramDetails:
    """A program with its organisations, the owner first, and its courses in order, each with the keys of its runs."""

    program: Program
    organizations: list[Organization]
    courses: list[Course]
    run_keys: dict[int, list[str]] = field(default_factory=dict)


def course_in(catalog: EnterpriseCustomerCatalog, key: str) -> CourseDetails | None:
    """The course with this key (`ORG+COURSE` or `ORG/COURSE`) if the catalog holds it.

    Restricted runs are left out unless the catalog's filter names them.
    """
    key = key.replace("/", "+", 1)
    if not holds(catalog, key):
        return None
    course = Course.objects.filter(key=key).select_related("organization").first()
    if course is None:
        return None
    content_filter = read(effective_filter(catalog))
    every_run = runs_of_courses([course.pk])[course.pk]
    runs = [
        run for run in every_run if not run.is_restricted or content_filter.shows_restricted(course.key, run.row.pk)
    ]
    programs = list(Program.objects.filter(courses=course).order_by("created", "pk"))
    return CourseDetails(course, _with_credit(runs), programs, advertised_run(course.advertised_run_key, runs))


def run_in(catalog: EnterpriseCustomerCatalog, key: str) -> RunDetails | None:
    """The course run with this key if the catalog holds it."""
    if not holds(catalog, key):
        return None
    runs = load_runs(CourseOverview.objects.filter(pk=key).select_related("course__organization"))
    return _with_credit(runs)[0] if runs else None


def program_in(catalog: EnterpriseCustomerCatalog, uuid: UUID) -> ProgramDetails | None:
    """The program with this uuid if the catalog holds it.

    Its courses are its own ones, then those of its active curricula, in their order; restricted runs are left out
    unless the catalog's filter names them.
    """
    if not holds(catalog, str(uuid)):
        return None
    program = Program.objects.filter(pk=uuid).first()
    if program is None:
        return None
    owners = program.program_organizations.select_related("organization").order_by("position", "pk")
    own = Program.courses.through._default_manager.filter(program_id=uuid).order_by("pk").select_related("course")
    courses = {link.course.pk: link.course for link in own}
    curricula = program.curricula.filter(is_active=True).order_by("position", "pk")
    for curriculum in curricula.prefetch_related("courses", "course_runs__course"):
        courses |= {course.pk: course for course in _courses_of(curriculum) if course.pk not in courses}
    content_filter = read(effective_filter(catalog))
    run_keys: dict[int, list[str]] = defaultdict(list)
    rows = CourseOverview.objects.filter(course__id__in_set=list(courses)).select_related("course").order_by("pk")
    for run in map(Run, rows):
        is_hidden = run.is_restricted and not content_filter.shows_restricted(run.course_key, run.row.pk)
        if run.row.course_id is not None and not is_hidden:
            run_keys[run.row.course_id].append(run.row.pk)
    return ProgramDetails(program, [owner.organization for owner in owners], list(courses.values()), run_keys)


def _courses_of(curriculum: Curriculum) -> list[Course]:
    of_runs = [run.course for run in curriculum.course_runs.all() if run.course is not None]
    return [*curriculum.courses.all(), *of_runs]


def _with_credit(runs: Collection[Run]) -> list[RunDetails]:
    """The runs with the first provider of credit of those that offer it; at most one statement."""
    keys = [run.row.pk for run in runs if any(mode.mode_slug == CREDIT for mode in run.modes)]
    first: dict[str, str] = {}
    if keys:
        providers = CreditProvider.objects.filter(course_id__in_set=keys, enabled=True).order_by("pk")
        for key, provider in providers.values_list("course_id", "provider_id"):
            first.setdefault(key, provider)
    return [RunDetails(run, first.get(run.row.pk)) for run in runs]
