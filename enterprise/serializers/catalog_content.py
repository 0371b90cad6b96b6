"""What a catalog's page of content adds to the search documents (contract: enterprise-customers 4.5, Detail)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from enterprise.content.addresses import Addresses

AVAILABLE = {"Current", "Starting Soon", "Upcoming"}
DAY = timedelta(days=1)
Document = dict[str, Any]


def results(documents: Iterable[Document], addresses: Addresses) -> list[Document]:
    """The documents as a catalog shows them, without those that nobody of the customer could take.

    Left out: runs without enrollable seats, programs that cannot be bought in one go, other types of content.
    """
    now = timezone.now()
    return [_result(document, addresses, now) for document in documents if _is_shown(document)]


def _is_shown(document: Document) -> bool:
    match document.get("content_type"):
        case "course":
            return True
        case "courserun":
            return document.get("has_enrollable_seats") is not False
        case "program":
            return document.get("is_program_eligible_for_one_click_purchase") is not False
    return False


def _result(document: Document, addresses: Addresses, now: datetime) -> Document:
    shown = {**document, "marketing_url": addresses.marketing(document.get("marketing_url"))}
    if document["content_type"] == "program":
        return {**shown, "enrollment_url": addresses.enroll_in_program(document["uuid"])}
    shown["enrollment_url"] = addresses.enroll_in_course(document["key"])
    if document["content_type"] == "course":
        runs = document.get("course_runs") or []
        shown["active"] = any(_is_available(run, now) for run in runs)
        shown["end_date"] = _latest(run.get("end") for run in runs)
    return shown


def _is_available(run: Document, now: datetime) -> bool:
    """Whether a run is available for enrollment (contract: enterprise-customers 5.5)."""
    end, opens, closes = (_moment(run.get(name)) for name in ("end", "enrollment_start", "enrollment_end"))
    return (
        run.get("availability") in AVAILABLE
        and run.get("status") == "published"
        and (end is None or end > now + DAY)
        and (opens is None or opens < now)
        and (closes is None or closes > now)
    )


def _latest(given: Iterable[Any]) -> Any:
    """The latest of some dates, as it was given; None when none is a date."""
    dated = [(moment, value) for value in given if (moment := _moment(value)) is not None]
    return max(dated, key=lambda pair: pair[0])[1] if dated else None


def _moment(value: Any) -> datetime | None:
    """A date-time that may be written; None for what is none."""
    try:
        moment = parse_datetime(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
