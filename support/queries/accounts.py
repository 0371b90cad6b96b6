"""Accounts as agents see them (contract: support, GET manage_user)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from enrollments.models import User
from support.models import PasswordToggleHistory
from support.queries.people import find_person


class Toggle(NamedTuple):
    """One time that an agent disabled or enabled an account; `created_by` is None when that agent's account is gone."""

    created: datetime
    comment: str | None
    disabled: bool
    created_by: str | None


class ManagedAccount(NamedTuple):
    """An account and what was done to it, newest first."""

    account: User
    history: list[Toggle]


def managed_account(username_or_email: str) -> ManagedAccount | None:
    """The person whom an agent asks about; None when there is nobody. Two statements."""
    person = find_person(username_or_email)
    if person is None:
        return None
    toggles = PasswordToggleHistory.objects.filter(user=person).order_by("-created", "-id")
    columns = ("created", "comment", "disabled", "created_by__username")
    return ManagedAccount(person, [Toggle._make(row) for row in toggles.values_list(*columns)])
