"""The modes that runs offer (contract: enrollment-api, CourseMode and Mode listing rules)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from config.db import sets  # noqa: F401  (registers the look-up `in_set`)
from config.db.reads import KeyedStatement, WireTime
from enrollments.models import CourseMode

AUDIT = "audit"
CREDIT = "credit"
VERIFIED = "verified"
BEST_FIRST = ("verified", "professional", "no-id-professional", "audit", "honor", "unpaid-executive-education")


class Mode(NamedTuple):
    """A mode as runs list it; `expiration_datetime` is the upgrade deadline, as answers write it."""

    slug: str
    name: str
    min_price: int = 0
    suggested_prices: str = ""
    currency: str = "usd"
    expiration_datetime: str | None = None
    description: str | None = None
    sku: str | None = None
    bulk_sku: str | None = None
    is_expired: bool = False


# What a run offers that has no row to offer: no rows at all, or only expired ones where those do not count.
DEFAULT_MODE = Mode("audit", "Audit")

_expired = Q(expiration_datetime__isnull=False, expiration_datetime__lt=Now())
_rows = KeyedStatement(
    lambda run_ids: (
        CourseMode.objects.filter(course_id__in_set=run_ids)
        .order_by("id")
        .values_list(
            "course_id",
            "mode_slug",
            "mode_display_name",
            "min_price",
            "suggested_prices",
            "currency",
            WireTime("expiration_datetime"),
            "description",
            "sku",
            "bulk_sku",
            ExpressionWrapper(_expired, output_field=BooleanField()),
        )
    )
)


def modes_of(run_ids: Collection[str]) -> dict[str, list[Mode]]:
    """All mode rows of runs, expired ones too, in the order in which they were stored; one statement.

    Returns:
        Run key -> its rows. A run without rows is not in it; `offered` then gives the built-in default.
    """
    modes: dict[str, list[Mode]] = defaultdict(list)
    for row in _rows(run_ids):
        modes[row[0]].append(tuple.__new__(Mode, row[1:]))  # as `_make`, without its toll on thousands of rows
    return dict(modes)


def offered(modes: Iterable[Mode], *, include_expired: bool = False, selectable: bool = False) -> list[Mode]:
    """The modes of one run that count; never empty: nothing left means the built-in audit mode.

    Args:
        modes: the run's rows, as `modes_of` gives them.
        include_expired: whether a mode counts whose upgrade deadline has passed.
        selectable: leave out those that a learner does not choose (`credit`).
    """
    listed = [
        mode for mode in modes if (include_expired or not mode.is_expired) and not (selectable and mode.slug == CREDIT)
    ]
    return listed or [DEFAULT_MODE]


def default_of(modes: Iterable[Mode]) -> str:
    """The mode of an enrollment that names none: audit if it is offered, else honor if that is, else audit anyway."""
    slugs = {mode.slug for mode in offered(modes, selectable=True)}
    return "honor" if "honor" in slugs and "audit" not in slugs else "audit"


def default_mode(run_id: str) -> str:
    """`default_of` the run's rows; one statement. Contract: enrollment-api, POST enrollment."""
    return default_modes([run_id])[run_id]


def default_modes(run_ids: Collection[str]) -> dict[str, str]:
    """The default mode of each of the runs; one statement."""
    modes = modes_of(run_ids)
    return {run_id: default_of(modes.get(run_id, ())) for run_id in run_ids}


def best_mode(run_ids: Collection[str]) -> dict[str, str]:
    """The mode in which a customer enrolls learners in each of the runs; one statement.

    The first of verified, professional, no-id-professional, audit, honor and unpaid-executive-education that the run
    has a row of, expired or not; audit when it has none of them. Contract: enterprise-learners, best mode.
    """
    slugs: dict[str, set[str]] = defaultdict(set)
    rows = CourseMode.objects.filter(course_id__in_set=run_ids, mode_slug__in=BEST_FIRST)
    for run_id, slug in rows.values_list("course_id", "mode_slug"):
        slugs[run_id].add(slug)
    return {run_id: _best(slugs.get(run_id, ()), BEST_FIRST) for run_id in run_ids}


def runs_with_audit(run_ids: Collection[str]) -> set[str]:
    """Those of the runs that a learner can audit: they offer the mode now, or have no mode rows at all. One statement.

    Contract: enterprise-learners, has audit mode.
    """
    modes = modes_of(run_ids)
    return {
        run_id
        for run_id in run_ids
        if run_id not in modes or any(mode.slug == AUDIT and not mode.is_expired for mode in modes[run_id])
    }


def _best(slugs: Collection[str], ranking: Sequence[str]) -> str:
    return next((slug for slug in ranking if slug in slugs), "audit")
