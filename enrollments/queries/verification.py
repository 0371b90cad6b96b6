"""How learners stand with the proof of their identity (contract: support, ID verification status, and 4.3)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from django.conf import settings
from django.db.models import Case, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.utils import timezone

from enrollments.models import IDVerificationAttempt, VerifiedName

Kind, Status = IDVerificationAttempt.Kind, IDVerificationAttempt.Status

# Which kind speaks first, whatever its age.
KINDS_IN_ORDER = (Kind.GENERIC, Kind.PHOTO, Kind.SSO, Kind.MANUAL)
EXPIRED = "expired"
PENDING = (Status.SUBMITTED, Status.MUST_RETRY)
FOR_EVER = datetime.max.replace(tzinfo=UTC)


class VerificationStatus(TypedDict):
    """What support pages say of a learner's ID verification.

    `status_date` is the moment of approval, else an empty text; `verification_expiry` is `MM/DD/YYYY`, or empty.
    """

    status: str
    error: str
    should_display: bool
    status_date: datetime | str
    verification_expiry: str


def statuses(account_ids: Collection[int]) -> dict[int, VerificationStatus]:
    """The status of each of these accounts, in one statement, however many they are."""
    return {account_id: status_of(attempts) for account_id, attempts in _attempts_by(account_ids).items()}


def expired(account_ids: Collection[int]) -> dict[int, IDVerificationAttempt]:
    """The attempts that have expired of those of these accounts whose status is `expired`; in one statement too."""
    found: dict[int, IDVerificationAttempt] = {}
    for account_id, attempts in _attempts_by(account_ids).items():
        attempt = deciding(attempts)
        if attempt is not None and status_of(attempts)["status"] == EXPIRED:
            found[account_id] = attempt
    return found


def status_of(attempts: Sequence[IDVerificationAttempt]) -> VerificationStatus:
    """The status that one learner's attempts add up to.

    Args:
        attempts: by kind, the newest of each first, as the queries here give them.
    """
    attempt = deciding(attempts)
    if attempt is None:
        return _status("none")
    shown = attempt.is_shown_to_learner
    if attempt.is_approved and attempt.is_expired:
        # One that the learner was never told of leaves nothing behind.
        error = f"Your {settings.PLATFORM_NAME} verification has expired."
        return _status(EXPIRED, error=error) if shown else _status("none")
    if attempt.is_approved:
        expiry = _expiry_if_soon(attempt)
        return _status("approved", should_display=shown, status_date=attempt.status_changed, verification_expiry=expiry)
    if attempt.status == Status.DENIED:
        return _status("must_reverify", error=readable_error(attempt.error), should_display=shown)
    return _status("pending" if attempt.status in PENDING else "none", should_display=shown)


def deciding(attempts: Iterable[IDVerificationAttempt]) -> IDVerificationAttempt | None:
    """The attempt that counts: the first, unless one that is approved and unexpired is better.

    An approved and unexpired attempt is better than one that is not approved, or that expires before it.
    """
    chosen: IDVerificationAttempt | None = None
    for attempt in attempts:
        if chosen is None:
            chosen = attempt
        elif attempt.is_approved and not attempt.is_expired:
            lasts_longer = (attempt.expiration_datetime or FOR_EVER) > (chosen.expiration_datetime or FOR_EVER)
            if not chosen.is_approved or lasts_longer:
                chosen = attempt
    return chosen


def readable_error(text: str) -> str:
    """Why an attempt was denied, for people: a plain text as it is, of JSON the texts that it holds."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return ", ".join(_texts(parsed)) if isinstance(parsed, dict | list | str) else text


def attempts_of(username: str) -> list[IDVerificationAttempt]:
    """The attempts of an account by kind, the newest of each first; an account that is not there has none."""
    return list(_in_order().filter(user__username=username))


def latest_attempts_of(username: str) -> QuerySet[IDVerificationAttempt]:
    """The attempts of an account; the one whose status changed last comes first."""
    return IDVerificationAttempt.objects.filter(user__username=username).order_by("-status_changed", "-pk")


def verified_names_of(account_id: int) -> QuerySet[VerifiedName]:
    """The verified names of an account, newest first, with the statuses of the attempts that they came from."""
    return (
        VerifiedName.objects.filter(user=account_id)
        .annotate(
            verification_attempt_status=_status_by("verification_attempt_id"),
            platform_verification_attempt_status=_status_by("platform_verification_attempt_id"),
        )
        .order_by("-created", "-pk")
    )


def _attempts_by(account_ids: Collection[int]) -> dict[int, list[IDVerificationAttempt]]:
    found: dict[int, list[IDVerificationAttempt]] = {account_id: [] for account_id in account_ids}
    for attempt in _in_order().filter(user_id__in_set=list(found)):
        found[attempt.user_id].append(attempt)
    return found


def _status_by(column: str) -> Subquery:
    attempts = IDVerificationAttempt.objects.filter(pk=OuterRef(column), user=OuterRef("user")).order_by()
    return Subquery(attempts.values("status")[:1])


def _in_order() -> QuerySet[IDVerificationAttempt]:
    places = [When(kind=kind, then=Value(place)) for place, kind in enumerate(KINDS_IN_ORDER)]
    place = Case(*places, default=Value(len(places)), output_field=IntegerField())
    return IDVerificationAttempt.objects.order_by(place, "-created_at", "-pk")


def _status(
    status: str,
    *,
    error: str = "",
    should_display: bool = True,
    status_date: datetime | str = "",
    verification_expiry: str = "",
) -> VerificationStatus:
    return {
        "status": status,
        "error": error,
        "should_display": should_display,
        "status_date": status_date,
        "verification_expiry": verification_expiry,
    }


def _expiry_if_soon(attempt: IDVerificationAttempt) -> str:
    end = attempt.expiration_datetime
    if end is None or end > timezone.now() + timedelta(days=settings.VERIFICATION_EXPIRING_SOON_DAYS):
        return ""
    return f"{end.astimezone(UTC):%m/%d/%Y}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
