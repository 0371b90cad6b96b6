"""Addresses are stored as given and compared ignoring case, through the indexes on `lower(address)`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Lower

from enrollments.models import User


def lowered(email: str) -> str:
    """The address as the database's `lower()` gives it."""
    if email.isascii() or connection.vendor == "sqlite":
        return email.lower()
    # PostgreSQL goes letter by letter: a sigma at the end is no other one, and a dotted I does not become two letters.
    return "".join(letter.lower()[0] for letter in email)


def with_emails(rows: QuerySet[Any], field: str, emails: Iterable[str]) -> QuerySet[Any]:
    """The rows whose address is one of these, ignoring case; each has that address in lower case as `lowered`.

    Args:
        field: name of the column that holds the address.
    """
    return rows.annotate(lowered=Lower(field)).filter(lowered__in_set=sorted(set(map(lowered, emails))))


def accounts_with(emails: Iterable[str]) -> QuerySet[Any]:
    """The accounts with these addresses, ignoring case; each has its address in lower case as `lowered`."""
    return with_emails(User.objects.all(), "email", [email for email in emails if email])
