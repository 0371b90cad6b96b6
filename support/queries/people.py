"""Finding the person that an agent asks about (contract: support 0.1)."""

from __future__ import annotations

from django.db.models import Q, TextField
from django.db.models.functions import Lower

from config.db.reads import Given, KeptInstances
from enrollments.models import User

_GIVEN = Given("text", TextField())
# The lowered address is what an index has.
_accounts = KeptInstances(
    lambda: User.objects.alias(lowered=Lower("email")).filter(
        Q(username=_GIVEN) | Q(email=_GIVEN, lowered=Lower(_GIVEN))
    )[:2]
)


def find_person(username_or_email: str) -> User | None:
    """The account whose user name is exactly this, else the one whose e-mail is; None when there is neither."""
    if not username_or_email:  # accounts without an e-mail are not meant
        return None
    # SQLite and PostgreSQL compare texts exactly; an e-mail that is another's user name finds two.
    found = sorted(_accounts(text=username_or_email), key=lambda account: account.username != username_or_email)
    return found[0] if found else None
