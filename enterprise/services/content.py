"""Keeping what catalogs hold in line with catalogue, filters and clock (contract: enterprise-customers 5)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction

from config.hooks import is_quiet
from enterprise.content import index

LARGE_CHANGE = 50  # items; up to here the next reader refreshes them without noticing
SLICE_SECONDS = 50.0  # of the periodic task, which comes once a minute


def follow(course_keys: Collection[str], run_keys: Collection[str], program_uuids: Collection[UUID]) -> None:
    """Notes a change of the catalogue: whoever asks next gets the new state.

    A large change is made up in the background; inside a load, which runs no tasks, right away.
    """
    index.mark(course_keys, run_keys, program_uuids)
    if is_quiet():
        index.refresh_all()
    elif len(course_keys) + len(run_keys) + len(program_uuids) > LARGE_CHANGE:
        transaction.on_commit(_queue_refresh, robust=True)


def prepare(content_filter: Any) -> None:
    """Finds what a filter that was just stored holds, so that the first reader need not wait; not inside a load."""
    if not is_quiet():
        index.ensure([content_filter or {}])


def refresh() -> None:
    """Makes anew what became stale, for as long as the periodic task may take."""
    if not index.refresh_all(SLICE_SECONDS):
        _queue_refresh()


def prune() -> int:
    """Drops the filters that no catalog has any more, and says how many rows that were."""
    return index.prune()


def rebuild() -> int:
    """Makes everything anew, and says how many items there are."""
    return index.rebuild()


def _queue_refresh() -> None:
    from enterprise.tasks import refresh_content

    refresh_content.delay()
