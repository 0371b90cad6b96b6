"""Which runs the catalogs of customers hold, and which run a course advertises (contract: enterprise-customers 5).

The filters are evaluated in Python over the documents of the runs that are asked about and of their courses: right for
a handful of runs at a time, whatever the size of the catalogue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.utils import timezone

from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseMode, CourseOverview
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerCatalog

FREE_MODES = ("audit", "honor")
AVAILABILITIES = ("Current", "Starting Soon", "Upcoming", "Archived")  # best first
SOON = timedelta(days=60)
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
RESTRICTED = "custom-b2b-enterprise"

# The fields of the search documents (5.1) and of their stored further fields; a filter's other members are ignored.
DOCUMENT_FIELDS = frozenset(
    [
        "aggregation_key",
        "authoring_organization_uuids",
        "authoring_organizations",
        "availability",
        "card_image_url",
        "content_type",
        "course_runs",
        "course_type",
        "end",
        "enrollment_end",
        "enrollment_start",
        "first_enrollable_paid_seat_price",
        "full_description",
        "has_enrollable_seats",
        "hidden",
        "image_url",
        "is_program_eligible_for_one_click_purchase",
        "key",
        "language",
        "languages",
        "level_type",
        "logo_image_urls",
        "marketing_url",
        "max_effort",
        "max_hours_effort_per_week",
        "min_effort",
        "min_hours_effort_per_week",
        "mobile_available",
        "number",
        "org",
        "organizations",
        "pacing_type",
        "partner",
        "product_source",
        "program_types",
        "published",
        "seat_types",
        "short_description",
        "skill_names",
        "staff_uuids",
        "start",
        "status",
        "subject_uuids",
        "subjects",
        "subtitle",
        "title",
        "transcript_languages",
        "type",
        "uuid",
        "weeks_to_complete",
        "weeks_to_complete_max",
        "weeks_to_complete_min",
    ]
)
MISSPELLED = {
    "aggregration__key": "aggregation_key",
    "aggregation__key": "aggregation_key",
    "org__exempt": "org__exclude",
}
INHERITED = frozenset(
    {"course_type", "product_source", "partner", "level_type", "subjects", "languages", "skill_names"}
)
CONTROLS = frozenset(
    {"enterprise_force_include_aggregation_keys", "restricted_runs_allowed", "exclude_expired_course_run"}
)

Document = dict[str, Any]


@dataclass
class Run:
    """A course run with its modes, as the availability rules of section 5.5 look at it."""

    row: CourseOverview
    modes: list[CourseMode] = field(default_factory=list)

    @property
    def course_key(self) -> str:
        """The key of the run's course; from the run's own key when the course is not stored."""
        return self.row.course.key if self.row.course else course_key_of(self.row.pk)

    @property
    def is_published(self) -> bool:
        return self.row.published

    @property
    def paid_seat(self) -> CourseMode | None:
        """Of the paid modes that are not expired the one that expires first; one without a date comes last."""
        now = timezone.now()
        open_seats = [
            (mode.expiration_datetime is None, mode.expiration_datetime or now, mode.pk, mode)
            for mode in self.modes
            if mode.mode_slug not in FREE_MODES
            and (mode.expiration_datetime is None or mode.expiration_datetime >= now)
        ]
        return min(open_seats)[-1] if open_seats else None

    @property
    def availability(self) -> str:
        """The stored word, else by the dates."""
        row, now = self.row, timezone.now()
        if row.availability:
            return row.availability
        if row.end is not None and row.end < now:
            return "Archived"
        if row.start is None or row.start <= now:
            return "Current"
        return "Starting Soon" if row.start - now <= SOON else "Upcoming"

    @property
    def has_ended(self) -> bool:
        return _is_past(self.row.end)


def catalogs_containing(customer: EnterpriseCustomer, run_keys: Collection[str]) -> dict[str, list[UUID]]:
    """The customer's catalogs that hold each run, oldest first; a run that none holds is absent. Four statements.

    Contract: enterprise-customers 5.4 to 5.6.
    """
    return runs_in_catalogs([customer.pk], run_keys)[customer.pk]


def runs_in_catalogs(customers: Collection[UUID], run_keys: Collection[str]) -> dict[UUID, dict[str, list[UUID]]]:
    """For each customer what `catalogs_containing` gives. Four statements, however many customers and runs."""
    found: dict[UUID, dict[str, list[UUID]]] = defaultdict(lambda: defaultdict(list))
    if not customers or not run_keys:
        return found
    catalogs = list(
        EnterpriseCustomerCatalog.objects.filter(enterprise_customer__uuid__in_set=customers).select_related(
            "enterprise_catalog_query"
        )
    )
    if not catalogs:
        return found
    candidates = _candidates(run_keys)
    for catalog in catalogs:
        content_filter = effective_filter(catalog)
        for candidate in candidates:
            if candidate.is_held_by(content_filter):
                found[catalog.enterprise_customer_id][candidate.run_key].append(catalog.pk)
    return found


def effective_filter(catalog: EnterpriseCustomerCatalog) -> dict[str, Any]:
    """The filter of the catalog's query if it has one, else its own."""
    query = catalog.enterprise_catalog_query
    return (catalog.content_filter if query is None else query.content_filter) or {}


def advertised_run(advertised_key: str | None, runs: Iterable[Run]) -> Run | None:
    """The run that a course advertises: the stored one, else by dates (contract: enterprise-customers 5.5).

    Among published runs with a mode: the one that started last, has not ended and still sells a paid seat; else the
    next one to start; else the one that started last.
    """
    runs = list(runs)
    stored = next((run for run in runs if run.row.pk == advertised_key), None)
    if stored is not None:
        return stored
    now = timezone.now()
    offered = sorted((run for run in runs if run.is_published and run.modes), key=lambda run: (_start(run), run.row.pk))
    started = [run for run in offered if _start(run) <= now]
    running = [run for run in started if not run.has_ended and run.paid_seat is not None]
    ahead = [run for run in offered if _start(run) > now]
    return next(iter(running[-1:] or ahead[:1] or started[-1:]), None)


def runs_of_courses(course_ids: Collection[int]) -> dict[int, list[Run]]:
    """The runs of courses with their modes, by the course's id. Two statements."""
    runs = load_runs(
        CourseOverview.objects.filter(course__id__in_set=course_ids).select_related("course__organization")
    )
    grouped: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        if run.row.course_id is not None:
            grouped[run.row.course_id].append(run)
    return grouped


def load_runs(rows: Iterable[CourseOverview]) -> list[Run]:
    """These runs with their modes. Two statements."""
    runs = {row.pk: Run(row) for row in rows}
    for mode in CourseMode.objects.filter(course_id__in_set=runs.keys()).order_by("pk"):
        runs[mode.course_id].modes.append(mode)
    return list(runs.values())


def course_key_of(run_key: str) -> str:
    """The course key inside a run key; a text that is no run key is taken as a course key."""
    try:
        return CourseKey.parse(run_key).course_key
    except InvalidCourseKey:
        return run_key


# --- What is compared ------------------------------------------------------------------------------------------------


@dataclass
class _Candidate:
    """A run that is asked about, with the documents of itself and its course; an unknown run has none."""

    run_key: str
    course_key: str
    run: Document | None = None
    course: Document | None = None
    may_enter: bool = False

    def is_held_by(self, content_filter: dict[str, Any]) -> bool:
        explicit = {str(each) for name in ("key", "uuid") for each in _listed(content_filter.get(name))}
        if explicit:
            names = {self.run_key, self.course_key, *(str(each["uuid"]) for each in (self.run, self.course) if each)}
            return bool(names & explicit)
        if self.run is None or not self.may_enter or self._is_hidden(content_filter):
            return False
        forced = _listed(content_filter.get("enterprise_force_include_aggregation_keys"))
        if f"course:{self.course_key}" in forced:
            return True
        if self.course is not None and matches(content_filter, self.course):
            return True
        left_out = bool(content_filter.get("exclude_expired_course_run")) and _has_expired(self.run)
        return not left_out and matches(content_filter, self.run)

    def _is_hidden(self, content_filter: dict[str, Any]) -> bool:
        """A restricted run shows only in catalogs that name it."""
        if self.run is None or self.run.get("restriction_type") != RESTRICTED:
            return False
        allowed = content_filter.get("restricted_runs_allowed")
        named = allowed.get(f"course:{self.course_key}") if isinstance(allowed, dict) else None
        return self.run_key not in _listed(named)


def _candidates(run_keys: Collection[str]) -> list[_Candidate]:
    """One candidate per key. Three statements."""
    asked = set(run_keys)
    own = {
        row.pk: row for row in CourseOverview.objects.filter(pk__in_set=asked).select_related("course__organization")
    }
    siblings = runs_of_courses({row.course_id for row in own.values() if row.course_id is not None})
    loaded = {run.row.pk: run for runs in siblings.values() for run in runs}
    courses = {course_id: _course_document(runs) for course_id, runs in siblings.items()}
    candidates = []
    for key in sorted(asked):
        row = own.get(key)
        if row is None:
            candidates.append(_Candidate(key, course_key_of(key)))
            continue
        run = loaded.get(key) or Run(row)
        course = courses.get(row.course_id) if row.course_id is not None else None
        may_enter = course is None or (
            (course["course_type"] or "audit") in COURSE_TYPES and course["product_source"] in PRODUCT_SOURCES
        )
        candidates.append(_Candidate(key, run.course_key, _run_document(run, course or {}), course, may_enter))
    return candidates


def _course_document(runs: Sequence[Run]) -> Document:
    course = runs[0].row.course
    assert course is not None  # the runs were found by their course
    advertised = advertised_run(course.advertised_run_key, runs)
    organization = course.organization.short_name if course.organization else course.key.partition("+")[0]
    words = [run.availability for run in runs]
    return {
        **course.additional_metadata,
        "content_type": "course",
        "key": course.key,
        "uuid": str(course.uuid),
        "aggregation_key": f"course:{course.key}",
        "title": course.title,
        "short_description": course.short_description,
        "full_description": course.full_description,
        "org": organization,
        "organizations": [organization],
        "course_type": course.course_type,
        "product_source": course.product_source or ("2u" if course.course_type == EXECUTIVE_EDUCATION else "edx"),
        "partner": course.partner,
        "level_type": course.level_type,
        "languages": course.languages,
        "subjects": course.subjects,
        "skill_names": course.skills,
        "image_url": course.image_url,
        "seat_types": sorted({mode.mode_slug for run in runs for mode in run.modes}),
        "status": "published" if any(run.is_published for run in runs) else "unpublished",
        "published": any(run.is_published for run in runs),
        "availability": next((word for word in AVAILABILITIES if word in words), None),
        "first_enrollable_paid_seat_price": _price(advertised, runs),
    }


def _run_document(run: Run, course: Document) -> Document:
    row = run.row
    return {
        "partner": "edx",
        # What keeps a course out must keep its runs out, too.
        **{name: course[name] for name in INHERITED & course.keys()},
        **row.additional_metadata,
        "content_type": "courserun",
        "key": row.pk,
        "uuid": str(row.uuid),
        "aggregation_key": f"courserun:{run.course_key}",
        "title": row.name,
        "short_description": row.short_description,
        "org": row.org,
        "number": run.course_key.partition("+")[2],
        "language": row.language,
        "start": row.start,
        "end": row.end,
        "enrollment_start": row.enrollment_start,
        "enrollment_end": row.enrollment_end,
        "pacing_type": "self_paced" if row.self_paced else "instructor_paced",
        "seat_types": sorted({mode.mode_slug for mode in run.modes}),
        "has_enrollable_seats": any(not _is_past(mode.expiration_datetime) for mode in run.modes),
        "marketing_url": row.marketing_url,
        "status": "published" if run.is_published else "unpublished",
        "published": run.is_published,
        "availability": run.availability,
        "first_enrollable_paid_seat_price": run.paid_seat.min_price if run.paid_seat else None,
    }


def _price(advertised: Run | None, runs: Sequence[Run]) -> int | None:
    """The price of the paid seat of the advertised run, else of the first run that is open for enrollment."""
    run = advertised or next((each for each in runs if each.row.enrollment_is_open), None)
    seat = run.paid_seat if run else None
    return seat.min_price if seat else None


# --- The filter language ---------------------------------------------------------------------------------------------


def matches(content_filter: dict[str, Any], document: Document) -> bool:
    """Whether a document meets all members of a filter (contract: enterprise-customers 5.6)."""
    return all(
        _holds(MISSPELLED.get(member, member), wanted, document)
        for member, wanted in content_filter.items()
        if member not in CONTROLS
    )


def _holds(member: str, wanted: Any, document: Document) -> bool:
    name, _, operator = member.partition("__")
    if "__" in operator:
        return False
    if name not in DOCUMENT_FIELDS and name not in document:
        return True
    stored = document.get(name)
    values = stored if isinstance(stored, list) else [stored]
    if operator in ("not", "exclude"):
        return not any(_equal(name, value, each) for value in values for each in _listed(wanted))
    if operator in _COMPARISONS:
        return all(any(_compare(operator, value, each) for value in values) for each in _listed(wanted))
    return not operator and any(_equal(name, value, each) for value in values for each in _listed(wanted))


def _equal(name: str, stored: Any, wanted: Any) -> bool:
    if name == "partner" and isinstance(stored, str) and isinstance(wanted, str):
        return stored.lower() == wanted.lower()
    return bool(stored == wanted)


_COMPARISONS = {
    "gt": lambda stored, wanted: stored > wanted,
    "gte": lambda stored, wanted: stored >= wanted,
    "lt": lambda stored, wanted: stored < wanted,
    "lte": lambda stored, wanted: stored <= wanted,
}


def _compare(operator: str, stored: Any, wanted: Any) -> bool:
    """A comparison of numbers, which may be given as texts; what is no number compares to nothing."""
    left, right = _number(stored), _number(wanted)
    return left is not None and right is not None and bool(_COMPARISONS[operator](left, right))


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _listed(value: Any) -> list[Any]:
    """A member's value as the list of its alternatives; none when there is none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _start(run: Run) -> datetime:
    """When a run starts; one without a start has begun, before all others."""
    return run.row.start or datetime.min.replace(tzinfo=timezone.get_default_timezone())


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment < timezone.now()


def _has_expired(run: Document) -> bool:
    return _is_past(run["end"]) or _is_past(run["enrollment_end"])
