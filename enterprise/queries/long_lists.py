"""What paginators count and slice, for lists that may be long: some of it is kept while nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any

from django.core.cache import caches
from django.db.models import QuerySet

from config.db.reads import KeptStatement, Rows

LONG = 1_000  # rows: what a list must have for anything of it to be kept
BEGINNING = 100  # rows: how many are kept of those that must be sorted anew for each page
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


@dataclass
class Kept:
    """What is kept of a long list, as the tables were in this state; None: not read in it yet."""

    state: Any = None
    number: int | None = None
    beginning: list[Any] | None = None
    until: float = field(default_factory=lambda: monotonic() + KEPT_SECONDS)


class LongList:
    """The number of rows of a list, and its rows where they are given; kept in the process while nothing changes.

    Counting ten thousand rows costs more than all the rest of a page, and so does sorting them; whoever turns pages
    asks for it each time. Every row that comes or goes leaves one of history: as long as the newest ones are the same,
    so is what is kept. Two writers who commit in the other order than they began can hide a change, for KEPT_SECONDS at
    most: no longer than a replica may lag.

    Args:
        key: names the list, in its order, among all of which something is kept.
        count: counts the rows.
        newest: what tells one state of the tables from the next: the ids of their newest rows of history.
        rows: all rows; the first of them are kept. For lists that no index has in their order.
    """

    def __init__(self, key: str, count: Callable[[], int], newest: Callable[[], Any], rows: Rows | None = None) -> None:
        self._key, self._count, self._newest = key, count, newest
        self._rows: Any = rows

    def __len__(self) -> int:
        kept = self._kept
        if kept and kept.number is not None:
            return kept.number
        number = self._count()
        if kept:
            kept.number = number
            self._keep(kept)
        elif number >= LONG:  # nobody has looked at the history yet: the next request does
            self._keep(Kept())
        return number

    def __getitem__(self, place: slice) -> list[Any]:
        kept = self._kept
        if kept is None or place.stop > BEGINNING:
            return list(self._rows[place])
        if kept.beginning is None:
            kept.beginning = list(self._rows[:BEGINNING])
            self._keep(kept)
        return kept.beginning[place]

    def reverse(self) -> Any:
        """The rows from the end, of which nothing is kept."""
        return self._rows.reverse()

    @cached_property
    def _kept(self) -> Kept | None:
        """What still holds; None for a list that was not seen to be long."""
        kept: Kept | None = caches["long_lists"].get(self._key)
        if kept is None:
            return None
        state = self._newest()
        return kept if kept.state == state else Kept(state)

    def _keep(self, kept: Kept) -> None:
        caches["long_lists"].set(self._key, kept, kept.until - monotonic())


class NewestChanges(KeptStatement):
    """What tells one state of tables from the next, for a `LongList`: the ids of their newest rows of history.

    Args:
        tables: models with history.
    """

    def __init__(self, *tables: Any) -> None:
        def build() -> list[QuerySet[Any, Any]]:
            histories = (table.history.model.objects for table in tables)
            return [history.order_by("-history_id").values("history_id")[:1] for history in histories]

        super().__init__(build)  # type: ignore[arg-type]

    def _written(self, connection: Any) -> Any:
        texts = [each.query.get_compiler(connection=connection).as_sql()[0] for each in self._build()]
        return f"SELECT {', '.join(f'({text})' for text in texts)}", [], {}
