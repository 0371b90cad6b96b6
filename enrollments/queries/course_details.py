"""Course runs as the enrollment API shows them (contract: enrollment-api, CourseOverview and Representations)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.core.cache import cache

from config.api.fields import wire_time
from config.db import sets  # noqa: F401  (registers the look-up `in_set`)
from config.db.reads import KeyedStatement, WireTime
from enrollments.models import CourseOverview
from enrollments.models.courses import run_name
from enrollments.queries.course_modes import Mode, modes_of


class Run(NamedTuple):
    """The facts of a run that enrollments show; moments as answers write them."""

    id: str
    display_name: str | None
    enrollment_start: str | None
    enrollment_end: str | None
    start: str | None
    end: str | None
    invitation_only: bool
    self_paced: bool

    @property
    def name(self) -> str:
        """As `CourseOverview.name`."""
        return run_name(self.id, self.display_name)

    @classmethod
    def of(cls, run: CourseOverview) -> Run:
        """The facts of a run that has been read already."""
        return cls(
            run.pk,
            run.display_name,
            wire_time(run.enrollment_start),
            wire_time(run.enrollment_end),
            wire_time(run.start),
            wire_time(run.end),
            run.invitation_only,
            run.self_paced,
        )


class RunWithModes(NamedTuple):
    """A run and all of its mode rows, expired ones too."""

    run: Run
    modes: list[Mode]


_rows = KeyedStatement(
    lambda run_ids: (
        CourseOverview.objects.filter(pk__in_set=run_ids)
        .order_by()
        .values_list(
            "id",
            "display_name",
            WireTime("enrollment_start"),
            WireTime("enrollment_end"),
            WireTime("start"),
            WireTime("end"),
            "invitation_only",
            "self_paced",
        )
    )
)


def runs(run_ids: Collection[str]) -> dict[str, Run]:
    """The runs with these keys that exist, by key; one statement."""
    return {row[0]: Run._make(row) for row in _rows(run_ids)}


def with_modes(run_ids: Collection[str]) -> dict[str, RunWithModes]:
    """The same with their modes; two statements."""
    found = runs(run_ids)
    modes = modes_of(list(found)) if found else {}
    return {run_id: RunWithModes(run, modes.get(run_id, [])) for run_id, run in found.items()}


def cached(run_id: str) -> RunWithModes | None:
    """A run with its modes, up to ENROLLMENT_COURSE_DETAILS_CACHE_TIMEOUT seconds old; None when there is none.

    Contract: enrollment-api, GET course. Never for the rules of enrolling.
    """
    key = _cache_key(run_id)
    found = cast("RunWithModes | None", cache.get(key))
    if found is None:
        found = with_modes([run_id]).get(run_id)
        if found is not None:
            cache.set(key, found, settings.ENROLLMENT_COURSE_DETAILS_CACHE_TIMEOUT)
    return found


def forget(run_id: str) -> None:
    """Drops what `cached` remembers of a run, after it or its modes changed."""
    cache.delete(_cache_key(run_id))


def _cache_key(run_id: Any) -> str:
    return f"course-details:{hashlib.sha256(str(run_id).encode()).hexdigest()}"
