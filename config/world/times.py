"""Times of a world file: ISO 8601 with a zone, or relative to the moment of loading (contract: world-format)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_RELATIVE = re.compile(r"([+-])(\d{1,9})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True)
class Relative:
    """A time that was given relative to now. A row that exists keeps the time it has, unless that is null."""

    moment: datetime | date


def read_time(text: str, now: datetime) -> datetime | Relative:
    """The time that a text names, in UTC.

    Args:
        now: what relative times count from.
    Raises:
        ValueError: the text names no time, or one without a zone or beyond the calendar.
    """
    if text == "now":
        return Relative(now)
    try:
        if found := _RELATIVE.fullmatch(text):
            sign, count, unit = found.groups()
            return Relative(now + timedelta(**{_UNITS[unit]: int(sign + count)}))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("it has no zone")
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies beyond the calendar") from error


def read_date(text: str, now: datetime) -> date | Relative:
    """The date that a text names: a plain date, or the UTC date of a time.

    Raises:
        ValueError: the text names neither.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        moment = read_time(text, now)
    return Relative(moment.moment.date()) if isinstance(moment, Relative) else moment.date()  # type: ignore[union-attr]
