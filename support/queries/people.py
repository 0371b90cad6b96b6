"""Finding the person that an agent asks about (contract: support 0.1)."""

from __future__ import annotations

from django.db.models import Q, TextField
from django.db.models.functions import Lower

from config.db.reads import Given, KeptStatement
from enrollments.models import User

_COLUMNS = [field.attname for field in User._meta.concrete_fields]
_GIVEN = Given("text", TextField())
# The lowered address is what an index has.
_accounts = KeptStatement(
    lambda: (
        User.objects.alias(lowered=Lower("email"))
        .filter(Q(username=_GIVEN) | Q(email=_GIVEN, lowered=Lower(_GIVEN)))
        .values_list(*_COLUMNS)[:2]
    )
)


def find_person(username_or_email: str) -> User | None:
    """The account whose user name is exactly this, else the one whose e-mail is; None when there is neither."""
    # SQLite and PostgreSQL compare texts exactly; an e-mail that is another's user name finds two.
    found = sorted(
        (User.from_db("default", _COLUMNS, row) for row in _accounts(text=username_or_email)),
        key=lambda account: account.username != username_or_email,
    )
    return found[0] if found else None
