"""Who calls the support desk in tests, and how."""

from __future__ import annotations

from typing import Any

from django.test import Client

from enrollments.models import CourseAccessRole, User
from tests.factories import UserFactory

ANONYMOUS = {"detail": "Authentication credentials were not provided."}


def agent(**fields: Any) -> User:
    """An account with the role `support` that is no staff."""
    account: User = UserFactory(**fields)
    CourseAccessRole.objects.create(user=account, role="support")
    return account


def signed_in(account: User) -> Client:
    """A browser with the account's session."""
    client = Client()
    client.force_login(account)
    return client
