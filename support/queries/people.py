"""Finding the person that an agent asks about (contract: support 0.1)."""

from __future__ import annotations

from django.db.models import Q, Value
from django.db.models.functions import Lower

from enrollments.models import User


def find_person(username_or_email: str) -> User | None:
    """The account whose user name is exactly this, else the one whose e-mail is; None when there is neither."""
    has_address = Q(email=username_or_email, lowered=Lower(Value(username_or_email)))  # the second is what an index has
    given = Q(username=username_or_email) | has_address
    # SQLite and PostgreSQL compare texts exactly; an e-mail that is another's user name finds two.
    found = sorted(
        User.objects.alias(lowered=Lower("email")).filter(given)[:2],
        key=lambda account: account.username != username_or_email,
    )
    return found[0] if found else None
