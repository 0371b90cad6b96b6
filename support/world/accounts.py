"""What agents did to accounts."""

from __future__ import annotations

from config.world import ROW_ID, Reference, Section, Table, columns
from enrollments.world.lookups import ACCOUNT
from support.models import PasswordToggleHistory

_TOGGLE_TABLE = Table(model=PasswordToggleHistory, key=("user_id", "created"), in_bulk=True)

# History alone: the password of an account stays as `users` gives it.
PASSWORD_TOGGLES = Section(
    name="password_toggles",
    key=("user", "created"),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        "created_by": Reference(ACCOUNT, "created_by_id", null=True),
        **columns(PasswordToggleHistory, "created", "modified", "disabled", "comment"),
    },
    load=_TOGGLE_TABLE.store,
)
