"""Pages of lists, with the envelope of each (contract: enterprise-customers 1.2 and the area files).

Page-number paginators take the rows of the page and, apart from them, what to count: `paginate_queryset(rows, request,
view, count_queryset=...)`, or an attribute or method `count_queryset` of the view. Cursor paginators count nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import pagination
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from config.api.fields import wire_time
from config.api.flags import ENTERPRISE_FEATURES, enterprise_features
from config.db.keysets import Keyset, QueriedKeyset


class PageNumbers(pagination.PageNumberPagination):
    """Pages by number; `?page=last` works. Subclasses say which keys the envelope has, in which order."""

    envelope: ClassVar[tuple[str, ...]] = ()

    number: int
    count: int
    num_pages: int
    size: int

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None, *, count_queryset: Any = None
    ) -> list[Any]:
        """The rows of the page asked for.

        Args:
            queryset: all rows, ordered: a queryset, or anything that slices.
            count_queryset: what to count instead of the rows, without their annotations, joins and ordering.
        Raises:
            NotFound: `Invalid page.`
        """
        self.request = request
        self.size = self.get_page_size(request) or 0
        asked_for = request.query_params.get(self.page_query_param) or "1"
        if asked_for == "1":
            return self._first_page(queryset, self._countable(queryset, view, count_queryset))
        self.count = _count(self._countable(queryset, view, count_queryset))
        self.num_pages = max(1, -(-self.count // self.size))
        self.number = self.num_pages if asked_for in self.last_page_strings else _page_number(asked_for)
        if not 1 <= self.number <= self.num_pages:
            raise NotFound(self.invalid_page_message)
        start = (self.number - 1) * self.size
        return list(queryset[start : start + self.size]) if self.count else []

    def _first_page(self, queryset: Any, countable: Any) -> list[Any]:
        """A first page that is not full has been counted by reading it."""
        rows = list(queryset[: self.size])
        self.count = len(rows) if len(rows) < self.size else _count(countable)
        self.number, self.num_pages = 1, max(1, -(-self.count // self.size))
        return rows

    def _countable(self, queryset: Any, view: Any, given: Any) -> Any:
        if given is None:
            given = getattr(view, "count_queryset", None)
            given = given() if callable(given) else given
        return queryset if given is None else given

    def get_next_link(self) -> str | None:
        return self._link(self.number + 1) if self.number < self.num_pages else None

    def get_previous_link(self) -> str | None:
        return self._link(self.number - 1) if self.number > 1 else None

    def _link(self, number: int) -> str:
        address = self.request.build_absolute_uri()  # type: ignore[union-attr]
        if number == 1:
            return remove_query_param(address, self.page_query_param)
        return replace_query_param(address, self.page_query_param, number)

    def get_paginated_response(self, data: Any) -> Response:
        values = {
            "next": self.get_next_link,
            "previous": self.get_previous_link,
            "count": lambda: self.count,
            "num_pages": lambda: self.num_pages,
            "current_page": lambda: self.number,
            "start": lambda: (self.number - 1) * self.size,
            "results": lambda: data,
            "enterprise_features": lambda: enterprise_features(self.request),
        }
        return Response({key: values[key]() for key in self.envelope})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        number = {"type": "integer", "example": 1}
        properties = {
            "next": _link_schema("page=4"),
            "previous": _link_schema("page=2"),
            "count": {"type": "integer", "example": 123},
            "num_pages": number,
            "current_page": number,
            "start": {"type": "integer", "example": 0},
            "results": schema,
            "enterprise_features": {
                "type": "object",
                "properties": {feature: {"type": "boolean"} for feature in ENTERPRISE_FEATURES},
            },
        }
        return {
            "type": "object",
            "required": list(self.envelope),
            "properties": {key: properties[key] for key in self.envelope},
        }


class DefaultPagination(PageNumbers):
    """Ten rows, up to a hundred on request; the seven keys of most lists."""

    page_size = 10
    page_size_query_param: str | None = "page_size"
    max_page_size = 100
    envelope: ClassVar[tuple[str, ...]] = ("next", "previous", "count", "num_pages", "current_page", "start", "results")


class FeatureFlagPagination(DefaultPagination):
    """The default with the state of the feature flags for the caller."""

    envelope = (*DefaultPagination.envelope, "enterprise_features")


class EntitlementPagination(DefaultPagination):
    """Contract: support 4.1."""

    page_size = 50


class PlainPagination(DefaultPagination):
    """The default's pages, four keys."""

    envelope = ("count", "next", "previous", "results")


class GroupedPagination(PlainPagination):
    """Four keys; the view groups the rows of the page, so `results` is an object (enterprise-learners, admin view)."""

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        return super().get_paginated_response_schema(schema.get("items", schema))


class ExpandedPagination(PlainPagination):
    """A hundred rows, always."""

    page_size = 100
    page_size_query_param = None


class NumPagesPagination(DefaultPagination):
    """Members of a customer: ten rows, up to a thousand on request; five keys."""

    max_page_size = 1000
    envelope = ("count", "num_pages", "next", "previous", "results")


class SupportUserPagination(NumPagesPagination):
    """Support users of a customer: eight rows, always."""

    page_size = 8
    page_size_query_param = None


class SearchPagination(PageNumbers):
    """Twenty results, up to a hundred on request, of a search that counts by itself; links always name their page.

    Contract: enterprise-customers 4.5, Detail.
    """

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
    envelope: ClassVar[tuple[str, ...]] = ("count", "previous", "next", "results")

    def paginate_search(self, search: Callable[[int, int], tuple[int, list[Any]]], request: Request) -> list[Any]:
        """The results of the page asked for.

        Args:
            search: from the number of a page and its size to the count of all results and those of the page.
        Raises:
            NotFound: `Invalid page.`
        """
        self.request = request
        self.size = self.get_page_size(request) or self.page_size
        self.number = _page_number(request.query_params.get(self.page_query_param) or "1")
        if self.number < 1:
            raise NotFound(self.invalid_page_message)
        self.count, results = search(self.number, self.size)
        self.num_pages = max(1, -(-self.count // self.size))
        if self.number > self.num_pages:
            raise NotFound(self.invalid_page_message)
        return results

    def _link(self, number: int) -> str:
        return replace_query_param(self.request.build_absolute_uri(), self.page_query_param, number)  # type: ignore[union-attr]


class KeysetCursor(pagination.BasePagination):
    """Pages by position: the cursor holds the ordering values of the row where the page begins, so a page deep inside
    a long list costs the same as the first, and rows that come or go shift nothing.

    `ordering` must tell any two rows apart; its columns hold whole numbers, those of `moments` date-times. Rows may be
    instances, dicts or named tuples.
    """

    ordering: ClassVar[tuple[str, ...]] = ("id",)
    moments: ClassVar[frozenset[str]] = frozenset({"created"})
    page_size: ClassVar[int] = 100
    page_size_query_param: ClassVar[str | None] = None
    max_page_size: ClassVar[int | None] = None
    cursor_query_param = "cursor"
    invalid_cursor_message = "Invalid cursor"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page asked for.

        Raises:
            NotFound: `Invalid cursor`.
        """
        self.base_url = request.build_absolute_uri()
        size = self.get_page_size(request)
        backwards, position = self._decoded(request.query_params.get(self.cursor_query_param))
        ordering = tuple(_reversed(name) if backwards else name for name in self.ordering)
        rows = queryset if isinstance(queryset, Keyset) else QueriedKeyset(queryset)
        page = rows.read(ordering, position, size + 1)
        more, page = len(page) > size, page[:size]
        if backwards:
            page.reverse()
        self.has_next = position is not None if backwards else more
        self.has_previous = more if backwards else position is not None
        self.page = page
        if not page:
            self.has_next = self.has_previous = False
        return page

    def get_page_size(self, request: Request) -> int:
        asked_for = request.query_params.get(self.page_size_query_param) if self.page_size_query_param else None
        if not asked_for or not asked_for.isascii() or not asked_for.isdigit() or int(asked_for[:10]) == 0:
            return self.page_size
        return min(int(asked_for[:10]), self.max_page_size or int(asked_for[:10]))

    def get_next_link(self) -> str | None:
        return self._link(self.page[-1], backwards=False) if self.has_next else None

    def get_previous_link(self) -> str | None:
        return self._link(self.page[0], backwards=True) if self.has_previous else None

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": _link_schema("cursor=WzAsIDdd"),
                "previous": _link_schema("cursor=WzEsIDdd"),
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = [{"name": self.cursor_query_param, "in": "query", "required": False, "schema": {"type": "string"}}]
        if self.page_size_query_param:
            size = {"name": self.page_size_query_param, "in": "query", "required": False, "schema": {"type": "integer"}}
            parameters.append(size)
        return parameters

    def _link(self, row: Any, *, backwards: bool) -> str:
        values = [_plain(_value(row, name.lstrip("-"))) for name in self.ordering]
        text = json.dumps([int(backwards), *values], separators=(",", ":"))
        cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return replace_query_param(self.base_url, self.cursor_query_param, cursor)

    def _decoded(self, cursor: str | None) -> tuple[bool, list[Any] | None]:
        if not cursor:
            return False, None
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            backwards, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if backwards not in (0, 1) or len(values) != len(self.ordering):
                raise NotFound(self.invalid_cursor_message)
            columns = [name.lstrip("-") for name in self.ordering]
            typed = [
                _moment(value) if name in self.moments else _whole(value)
                for name, value in zip(columns, values, strict=True)
            ]
            return bool(backwards), typed
        except (ValueError, TypeError, RecursionError) as problem:
            raise NotFound(self.invalid_cursor_message) from problem


class EnrollmentCursor(KeysetCursor):
    """Contract: enrollment-api, GET enrollments: a hundred rows, the newest first."""

    ordering = ("-created", "-id")


class ProgramCursor(KeysetCursor):
    """Contract: program-enrollments, Cursor pagination: a hundred rows by id, up to a thousand on request."""

    page_size_query_param = "page_size"
    max_page_size = 1000


class LearnerCursor(ProgramCursor):
    """Contract: program-enrollments, users/.../courses."""

    page_size = 10
    max_page_size = 25


def _count(countable: Any) -> int:
    if isinstance(countable, QuerySet):
        return countable.count()
    return len(countable)


def _page_number(text: str) -> int:
    """The number, or 0 (no page has it) for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _link_schema(query: str) -> dict[str, Any]:
    return {
        "type": "string",
        "nullable": True,
        "format": "uri",
        "example": f"https://matricula.example.org/...?{query}",
    }


def _reversed(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _value(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, Mapping) else getattr(row, name)


def _plain(value: Any) -> Any:
    return wire_time(value) if isinstance(value, datetime) else value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise ValueError("no whole number of a cursor")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None or not 1900 < moment.year < 9990:
        raise ValueError("no moment of a cursor")
    return moment
