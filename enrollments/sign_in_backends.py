"""How Django finds and checks accounts (contract: enrollment-api, Learner accounts; roles-and-permissions 6)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import AllowAllUsersModelBackend
from django.http import HttpRequest

from enrollments.models import User
from enrollments.queries.accounts import by_sign_in_name


class AccountBackend(AllowAllUsersModelBackend):
    """Knows accounts by user name or e-mail address.

    Inactive accounts pass, here and when a session is loaded: whether they count is decided by the authentication
    classes of the view or the service (`sign_in`). They hold no permissions, as Django has it.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The account of this name, if the password is its own; an unknown name takes as long as a known one."""
        if not username or password is None:
            return None
        account = None if "\0" in username else by_sign_in_name(username)
        if account is None:
            User().set_password(password)
            return None
        return account if account.check_password(password) else None
