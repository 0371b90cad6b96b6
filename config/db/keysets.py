"""Lists read by position: the rows after one, along the columns that order them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet

from config.db.reads import Given, KeptStatement

Ordering = tuple[str, ...]


def beyond(ordering: Ordering, position: list[Any]) -> Q:
    """The rows after a position: beyond in the first column, or equal there and beyond in the next, and so on."""
    condition = Q()
    for depth, name in enumerate(ordering):
        column = name.lstrip("-")
        equal = {each.lstrip("-"): value for each, value in zip(ordering[:depth], position, strict=False)}
        condition |= Q(**equal, **{f"{column}__{'lt' if name.startswith('-') else 'gt'}": position[depth]})
    if len(ordering) > 1:
        # Says no more than the rest, but lets an index on the columns begin at the right place.
        first = ordering[0]
        condition &= Q(**{f"{first.lstrip('-')}__{'lte' if first.startswith('-') else 'gte'}": position[0]})
    return condition


class Keyset(ABC):
    """A list for a cursor paginator."""

    @abstractmethod
    def read(self, ordering: Ordering, position: list[Any] | None, number: int) -> list[Any]:
        """Some rows after a position, or from the beginning; one statement."""


class QueriedKeyset(Keyset):
    """The rows of a queryset.

    Args:
        row: what each row becomes, if not what the queryset gives.
    """

    def __init__(self, rows: QuerySet[Any, Any], row: Callable[[Any], Any] = lambda row: row) -> None:
        self._rows, self._row = rows, row

    def read(self, ordering: Ordering, position: list[Any] | None, number: int) -> list[Any]:
        rows = self._rows.order_by(*ordering)
        rows = rows if position is None else rows.filter(beyond(ordering, position))
        return [self._row(each) for each in rows[:number]]


class KeptKeyset:
    """`students = KeptKeyset(build, Student)`; `students.of(program=...)` is a list for a cursor paginator, whose pages
    are kept statements.

    Args:
        build: gives a `values_list`; what differs from list to list stands in it as `Given`.
        row: the named tuple of its columns, among them those that order.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, Any]], row: Any) -> None:
        self.row = row
        self._build = build
        self._pages: dict[tuple[Ordering, bool], KeptStatement] = {}

    def of(self, *, using: str = "default", **values: Any) -> Keyset:
        """The list for these values."""
        return _KeptRows(self, using, values)

    def page(self, ordering: Ordering, *, begins: bool) -> KeptStatement:
        """The statement of pages in an order, that of the first one or that of those after a position."""
        key = ordering, begins
        if key not in self._pages:
            self._pages[key] = _KeptPage(lambda: self._in_order(ordering, begins))
        return self._pages[key]

    def _in_order(self, ordering: Ordering, begins: bool) -> QuerySet[Any, Any]:
        rows = self._build().order_by(*ordering)
        if begins:
            return rows
        fields = (rows.model._meta.get_field(name.lstrip("-")) for name in ordering)
        return rows.filter(beyond(ordering, [Given(f"position {n}", field) for n, field in enumerate(fields)]))


class _KeptRows(Keyset):
    def __init__(self, kept: KeptKeyset, using: str, values: dict[str, Any]) -> None:
        self._kept, self._using, self._values = kept, using, values

    def read(self, ordering: Ordering, position: list[Any] | None, number: int) -> list[Any]:
        page = self._kept.page(ordering, begins=position is None)
        positions = {f"position {n}": value for n, value in enumerate(position or ())}
        rows = page(number=number, using=self._using, **self._values, **positions)
        return [self._kept.row._make(each) for each in rows]


class _KeptPage(KeptStatement):
    """The first rows; how many is part of the text: a plan for a page of unknown size would be one for many rows."""

    _number = 1_987_654_321  # no other number of a statement looks like this

    def __call__(self, *, number: int, using: str = "default", **values: Any) -> list[Any]:  # type: ignore[override]
        return self._rows(connections[using], values, written=lambda sql: sql.replace(str(self._number), str(number)))

    def _query(self) -> Any:
        return self._build()[: self._number].query
