"""Course runs with their modes, and the rules about dates and seats (contract: enterprise-customers 5.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from config.db import sets  # noqa: F401  (registers the look-up `in_set`)
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseMode, CourseOverview
from enrollments.queries.course_modes import BEST_FIRST

RESTRICTED = "custom-b2b-enterprise"
FREE_MODES = ("audit", "honor")
SOON = timedelta(days=60)


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
        return is_past(self.row.end)

    @property
    def has_enrollable_seats(self) -> bool:
        """Whether a mode of the run is not expired."""
        return any(not is_past(mode.expiration_datetime) for mode in self.modes)

    @property
    def seat_types(self) -> list[str]:
        return sorted({mode.mode_slug for mode in self.modes})

    @property
    def best_seat_type(self) -> str | None:
        slugs = self.seat_types
        return next((slug for slug in (*BEST_FIRST, *slugs) if slug in slugs), None)

    @property
    def is_restricted(self) -> bool:
        """Whether the run is shown only in catalogs that name it."""
        stored = self.row.additional_metadata
        return isinstance(stored, dict) and stored.get("restriction_type") == RESTRICTED


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


def _start(run: Run) -> datetime:
    """When a run starts; one without a start has begun, before all others."""
    return run.row.start or datetime.min.replace(tzinfo=timezone.get_default_timezone())


def is_past(moment: datetime | None) -> bool:
    """Whether a moment is over; a missing one is not."""
    return moment is not None and moment < timezone.now()
