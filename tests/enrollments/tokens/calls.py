"""How tests ask for tokens."""

from __future__ import annotations

from enrollments.models import User
from tests.factories import PASSWORD

FORM = "application/x-www-form-urlencoded"
ROBOT = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "secret"}


def person(user: User, client_id: str = "portal", **more: str) -> dict[str, str]:
    """The form of a password grant."""
    return {
        "grant_type": "password",
        "client_id": client_id,
        "client_secret": "secret",
        "username": user.username,
        "password": PASSWORD,
        **more,
    }
