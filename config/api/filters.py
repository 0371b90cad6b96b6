"""Query parameters that narrow and order lists (contract: enterprise-customers 1.4).

A view names a filter set (`django_filters`) and the fields to order by; `narrowed` applies both, on lists and on
detail look-ups alike.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError

ORDERING = "ordering"
WORDS = {"true": True, "false": False}


def plus_signs(text: str) -> str:
    """A key or address whose plus signs were not escaped in the query: they arrived as blanks, which neither has."""
    return text.replace(" ", "+")


class WordFilter(CharFilter):
    """`true` or `false`, in any case; other words narrow nothing."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        wanted = WORDS.get(value.lower())
        return qs if wanted is None else qs.filter(**{self.field_name: wanted})


def narrowed(
    rows: QuerySet[Any],
    request: Any,
    filterset: type[FilterSet],
    ordering_fields: Collection[str] | Mapping[str, str] = (),
) -> QuerySet[Any]:
    """The rows that the query asks for, in the order it asks for; without `ordering` their own order stays.

    Args:
        filterset: which parameters narrow; parameters it does not know are ignored.
        ordering_fields: what `?ordering=` may name (a comma list, `-` turns one round); other names are ignored. A
            mapping says which column a name stands for.
    Raises:
        ValidationError: lists of texts by parameter.
    """
    return ordered(filtered(rows, request, filterset), request, ordering_fields)


def asks_for_some(request: Any, filterset: type[FilterSet]) -> bool:
    """Whether the query asks for other rows than all, or for an order."""
    return any(request.query_params.get(name) for name in (*filterset.base_filters, ORDERING))


def filtered(rows: QuerySet[Any], request: Any, filterset: type[FilterSet]) -> QuerySet[Any]:
    """The rows that meet the query's filters; a filter that is not asked for leaves them as they are.

    Raises:
        ValidationError: lists of texts by parameter.
    """
    named = frozenset(name for name in filterset.base_filters if request.query_params.get(name))
    if not named:
        return rows  # making the form costs more than most lists
    known: Any = filterset
    filters = _only(known, named)(request.query_params, queryset=rows, request=request)
    if not filters.is_valid():
        raise ValidationError(filters.errors)
    narrowed_rows: QuerySet[Any] = filters.qs
    return narrowed_rows


@lru_cache(maxsize=256)
def _only(filterset: Any, named: frozenset[str]) -> Any:
    """The filter set with these of its filters alone: each that is set up costs time, and a query names few."""
    narrower: Any = type(filterset)(filterset.__name__, (filterset,), {})
    narrower.base_filters = OrderedDict((name, each) for name, each in filterset.base_filters.items() if name in named)
    return narrower


def ordered(rows: QuerySet[Any], request: Any, fields: Collection[str] | Mapping[str, str]) -> QuerySet[Any]:
    """The rows in the order of `?ordering=`; rows that it leaves equal keep an order of their own."""
    names = [name.strip() for name in request.query_params.get(ORDERING, "").split(",")]
    known = [name for name in names if name.removeprefix("-") in fields]
    if isinstance(fields, Mapping):
        known = [f"{'-' if name.startswith('-') else ''}{fields[name.removeprefix('-')]}" for name in known]
    return rows.order_by(*known, "pk") if known else rows


def query_parameters(filterset: type[FilterSet], ordering_fields: Collection[str] = ()) -> list[OpenApiParameter]:
    """The parameters that `narrowed` reads, for the OpenAPI document."""
    named = [OpenApiParameter(name, str) for name in filterset.base_filters]
    if not ordering_fields:
        return named
    choices = ", ".join(sorted(ordering_fields))
    return [*named, OpenApiParameter(ORDERING, str, description=f"Comma list, `-` turns one round: {choices}.")]
