"""How many rows a list has: counted when a paginator asks, kept for long lists while nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.db.models import QuerySet, Subquery

from config.db.reads import KeptStatement

LONG = 1_000  # rows: what a list must have for its count to be kept
KEPT_SECONDS = 30


class CountOf:
    """The number of rows, counted when it is first asked for."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._counted = count
        self._count: int | None = None

    def __len__(self) -> int:
        if self._count is None:
            self._count = self._counted()
        return self._count


def kept_count(key: str, count: Callable[[], int], newest: Callable[[], Any]) -> int:
    """The number of rows of a list; that of a long list is kept in the process while nothing changes.

    Counting ten thousand rows costs more than all the rest of a page, and whoever turns pages asks for it each time.
    Every row that comes or goes leaves one of history: as long as the newest ones are the same, so is the count. Two
    writers who commit in the other order than they began can hide a change, for KEPT_SECONDS at most: no longer than a
    replica may lag.

    Args:
        key: names the list among all whose counts are kept.
        count: counts the rows.
        newest: what tells one state of the tables from the next: the ids of their newest rows of history.
    """
    counts = caches["counts"]
    kept = counts.get(key)
    state = newest() if kept else None
    if kept and kept[0] == state:
        return int(kept[1])
    number = count()
    if kept or number >= LONG:  # the first time nobody has looked at the history
        counts.set(key, (state, number), KEPT_SECONDS)
    return number


def newest_changes(table: Any, *others: Any) -> KeptStatement:
    """What tells one state of tables from the next, for `kept_count`: the ids of their newest rows of history.

    Args:
        table, others: models with history.
    """

    def build() -> QuerySet[Any, Any]:
        first, *rest = (each.history.model.objects.order_by("-history_id") for each in (table, *others))
        newest = (Subquery(changes.values("history_id")[:1]) for changes in rest)
        return first.values_list("history_id", *newest)[:1]

    return KeptStatement(build)
