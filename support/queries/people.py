"""Finding the person that an agent asks about (contract: support 0.1)."""

from __future__ import annotations

from django.db.models import Q

from enrollments.models import User


def find_person(username_or_email: str) -> User | None:
    """The account whose user name is exactly this, else the one whose e-mail is; None when there is neither."""
    given = Q(username=username_or_email) | Q(email=username_or_email)
    # SQLite and PostgreSQL compare texts exactly; an e-mail that is another's user name finds two.
    found = sorted(User.objects.filter(given)[:2], key=lambda account: account.username != username_or_email)
    return found[0] if found else None
