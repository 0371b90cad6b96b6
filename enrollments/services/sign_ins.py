"""Keeps who signed in on which day, for as long as somebody may look at it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from enrollments.models import SignIn

KEPT_DAYS = 90


def note(sign_ins: Iterable[tuple[int, datetime]]) -> None:
    """Notes that accounts signed in; the second time of a day changes nothing.

    Args:
        sign_ins: the account's id, and when.
    """
    rows = [SignIn(user_id=user_id, day=at.astimezone(UTC).date()) for user_id, at in sign_ins]
    SignIn.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)


def prune() -> int:
    """Deletes what is older than KEPT_DAYS.

    Returns:
        How many rows went.
    """
    oldest = timezone.now().astimezone(UTC).date() - timedelta(days=KEPT_DAYS)
    return SignIn.objects.filter(day__lt=oldest).delete()[0]
