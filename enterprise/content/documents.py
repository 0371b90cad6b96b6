"""The search documents of courses, runs and programs (contract: enterprise-customers 5.1 and 5.5).

A document is made of the catalogue as it stands, and true until the next date that changes one of its facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from config.api.fields import wire_time
from enrollments.models import Course, CourseMode, CourseOverview, Program, ProgramOrganization
from enterprise.content.language import DOCUMENT_FIELDS, Document
from enterprise.content.runs import SOON, Run, advertised_run, is_past, load_runs
from enterprise.models.content import ContentItem

AVAILABILITIES = ("Current", "Starting Soon", "Upcoming", "Archived")  # best first
EXECUTIVE_EDUCATION = "executive-education-2u"
COURSE_TYPES = frozenset(
    [
        "audit",
        "professional",
        "verified-audit",
        "credit-verified-audit",
        "masters",
        "masters-verified-audit",
        "verified",
        "spoc-verified-audit",
        "honor",
        "verified-honor",
        "credit-verified-honor",
        "executive-education-2u",
    ]
)
PRODUCT_SOURCES = ("edx", "2u")

COURSE = ContentItem.ContentType.COURSE.value
COURSE_RUN = ContentItem.ContentType.COURSE_RUN.value
PROGRAM = ContentItem.ContentType.PROGRAM.value

Key = tuple[str, str]  # content type and key


@dataclass(frozen=True)
class ContentPage:
    """A page of a search: how many documents there are in all, and those of the page."""

    count: int
    documents: list[Document]


@dataclass
class Wanted:
    """Keys of what documents are to be made of."""

    course_keys: set[str] = field(default_factory=set)
    run_keys: set[str] = field(default_factory=set)
    program_uuids: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, keys: Iterable[Key]) -> Wanted:
        wanted = cls()
        sets = {COURSE: wanted.course_keys, COURSE_RUN: wanted.run_keys, PROGRAM: wanted.program_uuids}
        for content_type, key in keys:
            sets[content_type].add(key)
        return wanted


def build(keys: Iterable[Key]) -> dict[Key, ContentItem]:
    """The items of the keys that the catalogue knows, not stored; a fixed number of statements."""
    wanted = Wanted.of(keys)
    built: list[ContentItem] = []
    if wanted.course_keys or wanted.run_keys:
        courses = {
            course.pk: course
            for course in Course.objects.filter(key__in_set=wanted.course_keys).select_related("organization")
        }
        rows = CourseOverview.objects.select_related("course__organization")
        runs = {run.row.pk: run for run in load_runs(rows.filter(course__id__in_set=list(courses)).order_by("pk"))}
        others = wanted.run_keys - runs.keys()
        runs |= {run.row.pk: run for run in load_runs(rows.filter(pk__in_set=others))} if others else {}
        of_course: dict[int, list[Run]] = defaultdict(list)
        for run in runs.values():
            if run.row.course_id is not None:
                of_course[run.row.course_id].append(run)
        types = _program_types({run.row.course_id for run in runs.values() if run.row.course_id is not None})
        built += [course_item(course, of_course.get(course.pk, ())) for course in courses.values()]
        built += [run_item(runs[key], types.get(runs[key].row.course_id, [])) for key in wanted.run_keys & runs.keys()]
    if wanted.program_uuids:
        built += _programs(wanted.program_uuids)
    return {(item.content_type, item.key): item for item in built}


# --- Courses ------------------------------------------------------------------------------------------------------


def course_item(course: Course, runs: Sequence[Run]) -> ContentItem:
    """The item of a course with these runs."""
    # Most catalogs hide restricted runs, so the course's price and dates are not theirs while it has others.
    offered = [run for run in runs if not run.is_restricted] or runs
    advertised = advertised_run(course.advertised_run_key, offered)
    words = {run.availability for run in runs}
    is_published = any(run.is_published for run in runs)
    shown = advertised.row if advertised else None
    document = {
        **_facts_of_course(course),
        "subject_uuids": [],
        "marketing_url": None,
        **_further(course.additional_metadata),
        "content_type": COURSE,
        "key": course.key,
        "uuid": str(course.uuid),
        "aggregation_key": f"course:{course.key}",
        "title": course.title,
        "short_description": course.short_description,
        "full_description": course.full_description,
        "org": _org(course),
        "organizations": [_org(course)],
        "image_url": course.image_url,
        "seat_types": sorted({mode.mode_slug for run in runs for mode in run.modes}),
        "status": "published" if is_published else "unpublished",
        "published": is_published,
        "availability": next((word for word in AVAILABILITIES if word in words), None),
        "first_enrollable_paid_seat_price": _price(advertised, offered),
        "enrollment_start": wire_time(shown.enrollment_start) if shown else None,
        "enrollment_end": wire_time(shown.enrollment_end) if shown else None,
        "content_last_modified": wire_time(course.modified),
        "course_runs": [_run_of_course(run) for run in runs],
    }
    return ContentItem(
        content_type=COURSE,
        key=course.key,
        uuid=str(course.uuid),
        aggregation_key=document["aggregation_key"],
        course_key=course.key,
        title=course.title,
        may_enter=_may_enter(course),
        related=[run.row.pk for run in runs if run.is_restricted],
        document=document,
        changes_at=min((moment for run in runs if (moment := _changes_at(run))), default=None),
    )


def _facts_of_course(course: Course) -> Document:
    """What a run has from its course, too: what keeps a course out must keep its runs out."""
    return {
        "course_type": course.course_type,
        "product_source": course.product_source or ("2u" if course.course_type == EXECUTIVE_EDUCATION else "edx"),
        "partner": course.partner,
        "level_type": course.level_type,
        "subjects": course.subjects,
        "languages": course.languages,
        "skill_names": course.skills,
    }


def _may_enter(course: Course) -> bool:
    facts = _facts_of_course(course)
    return (facts["course_type"] or "audit") in COURSE_TYPES and facts["product_source"] in PRODUCT_SOURCES


def _run_of_course(run: Run) -> Document:
    row = run.row
    return {
        "key": row.pk,
        "uuid": str(row.uuid),
        "status": status(run),
        "availability": run.availability,
        "start": wire_time(row.start),
        "end": wire_time(row.end),
        "enrollment_start": wire_time(row.enrollment_start),
        "enrollment_end": wire_time(row.enrollment_end),
        "is_enrollable": row.enrollment_is_open,
        "is_marketable": run.is_published and bool(run.modes),
        "pacing_type": pacing(row),
        "first_enrollable_paid_seat_price": run.paid_seat.min_price if run.paid_seat else None,
        "seats": [seat(mode) for mode in run.modes],
    }


def seat(mode: CourseMode, credit_provider: str | None = None) -> Document:
    """A seat as documents and detail objects show it."""
    return {
        "type": mode.mode_slug,
        "price": mode.min_price,
        "currency": mode.currency.upper(),
        "upgrade_deadline": wire_time(mode.expiration_datetime),
        "credit_provider": credit_provider,
        "credit_hours": None,
        "sku": mode.sku,
    }


def _price(advertised: Run | None, runs: Sequence[Run]) -> int | None:
    """The price of the paid seat of the advertised run, else of the first run that is open for enrollment."""
    run = advertised or next((each for each in runs if each.row.enrollment_is_open), None)
    seat = run.paid_seat if run else None
    return seat.min_price if seat else None


def _org(course: Course) -> str:
    return course.organization.short_name if course.organization else course.key.partition("+")[0]


# --- Course runs --------------------------------------------------------------------------------------------------


def run_item(run: Run, program_types: list[str]) -> ContentItem:
    """The item of a run; its course's programs have these types."""
    row, course = run.row, run.row.course
    document = {
        "partner": "edx",
        "level_type": None,
        "mobile_available": False,
        "transcript_languages": [],
        "min_effort": None,
        "max_effort": None,
        "weeks_to_complete": None,
        "image_url": course.image_url if course else None,
        "logo_image_urls": [],
        "authoring_organization_uuids": [str(course.organization.uuid)] if course and course.organization else [],
        "staff_uuids": [],
        "subject_uuids": [],
        "full_description": course.full_description if course else None,
        **(_facts_of_course(course) if course else {}),
        **_further(row.additional_metadata),
        "content_type": COURSE_RUN,
        "key": row.pk,
        "uuid": str(row.uuid),
        "aggregation_key": f"courserun:{run.course_key}",
        "title": row.name,
        "short_description": row.short_description,
        "org": row.org,
        "number": run.course_key.partition("+")[2],
        "start": wire_time(row.start),
        "end": wire_time(row.end),
        "enrollment_start": wire_time(row.enrollment_start),
        "enrollment_end": wire_time(row.enrollment_end),
        "availability": run.availability,
        "pacing_type": pacing(row),
        "type": run.best_seat_type,
        "seat_types": run.seat_types,
        "has_enrollable_seats": run.has_enrollable_seats,
        "first_enrollable_paid_seat_price": run.paid_seat.min_price if run.paid_seat else None,
        "language": row.language,
        "program_types": program_types,
        "marketing_url": row.marketing_url,
        "status": status(run),
        "published": run.is_published,
        "content_last_modified": wire_time(row.modified),
    }
    return ContentItem(
        content_type=COURSE_RUN,
        key=row.pk,
        uuid=str(row.uuid),
        aggregation_key=document["aggregation_key"],
        course_key=run.course_key,
        title=row.name[:255],
        start=row.start,
        end=row.end,
        expired=is_past(row.end) or is_past(row.enrollment_end),
        restricted=run.is_restricted,
        may_enter=course is None or _may_enter(course),
        document=document,
        changes_at=_changes_at(run),
    )


def status(run: Run) -> str:
    return "published" if run.is_published else "unpublished"


def pacing(row: CourseOverview) -> str:
    return "self_paced" if row.self_paced else "instructor_paced"


def _changes_at(run: Run) -> datetime | None:
    """The next moment at which the clock alone changes a fact about a run or its course."""
    row, now = run.row, timezone.now()
    moments = [row.start, row.end, row.enrollment_start, row.enrollment_end]
    moments += [row.start - SOON] if row.start is not None and row.start.year > 1 else []
    moments += [mode.expiration_datetime for mode in run.modes]
    return min((moment for moment in moments if moment is not None and moment >= now), default=None)


def _program_types(course_ids: Collection[int]) -> dict[int | None, list[str]]:
    """The types of the programs of each course."""
    links = Program.courses.through._default_manager.filter(course__id__in_set=course_ids)
    found: dict[int | None, set[str]] = defaultdict(set)
    for course_id, program_type in links.values_list("course_id", "program__type"):
        found[course_id].add(program_type)
    return {course_id: sorted(types - {""}) for course_id, types in found.items()}


# --- Programs -----------------------------------------------------------------------------------------------------


def _programs(keys: Collection[str]) -> list[ContentItem]:
    uuids = [UUID(key) for key in keys]
    programs = list(Program.objects.filter(pk__in_set=uuids))
    owners: dict[Any, list[ProgramOrganization]] = defaultdict(list)
    for owner in ProgramOrganization.objects.filter(program__uuid__in_set=uuids).select_related("organization"):
        owners[owner.program_id].append(owner)
    courses: dict[Any, list[str]] = defaultdict(list)
    links = Program.courses.through._default_manager.filter(program__uuid__in_set=uuids).order_by("course__key")
    for program_uuid, course_key in links.values_list("program_id", "course__key"):
        courses[program_uuid].append(course_key)
    return [program_item(program, owners[program.pk], courses[program.pk]) for program in programs]


def program_item(program: Program, owners: Sequence[ProgramOrganization], course_keys: list[str]) -> ContentItem:
    """The item of a program with these owners, the first first, and courses."""
    document = {
        "partner": "edx",
        "marketing_url": None,
        "hidden": False,
        "is_program_eligible_for_one_click_purchase": True,
        "card_image_url": None,
        "language": [],
        "min_hours_effort_per_week": None,
        "max_hours_effort_per_week": None,
        "weeks_to_complete_min": None,
        "weeks_to_complete_max": None,
        "subject_uuids": [],
        "staff_uuids": [],
        **_further(program.additional_metadata),
        "content_type": PROGRAM,
        "uuid": str(program.uuid),
        "aggregation_key": f"program:{program.uuid}",
        "title": program.title,
        "subtitle": program.subtitle,
        "type": program.type,
        "status": program.status,
        "published": program.status == "active",
        "authoring_organizations": [organization_object(owner.organization) for owner in owners],
        "authoring_organization_uuids": [str(owner.organization.uuid) for owner in owners],
        "content_last_modified": wire_time(program.modified),
    }
    return ContentItem(
        content_type=PROGRAM,
        key=str(program.uuid),
        uuid=str(program.uuid),
        aggregation_key=document["aggregation_key"],
        title=program.title,
        related=course_keys,
        document=document,
    )


def organization_object(organization: Any) -> Document:
    """An organisation as documents and detail objects show it."""
    return {
        "uuid": str(organization.uuid),
        "key": organization.short_name,
        "name": organization.name,
        "logo_image_url": None,
        "description": None,
        "homepage_url": None,
        "marketing_url": None,
        "certificate_logo_image_url": None,
        "tags": [],
    }


def _further(stored: Any) -> Document:
    """Further fields that are stored for the documents."""
    return (
        {name: value for name, value in stored.items() if name in DOCUMENT_FIELDS} if isinstance(stored, dict) else {}
    )
