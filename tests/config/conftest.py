"""Fixtures of the shared layer's tests: probe views behind a URL map of their own, tokens signed here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from config.api import jwt
from enrollments.models import User
from tests.factories import UserFactory

ORIGIN = "https://learner.partner.example"


@pytest.fixture(autouse=True)
def plain_settings(settings: Any) -> Any:
    """A backend that loads inactive accounts, as the service's own does."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    return settings


@pytest.fixture
def ana(db: None) -> User:
    return UserFactory(username="ana")


@pytest.fixture
def token_of() -> Callable[..., str]:
    """`token_of("ana", scopes=[...])` is a JWT of the service for a user name; `lifetime` in seconds."""

    def make(username: str, *, lifetime: int = 3600, **claims: Any) -> str:
        return jwt.issue({"preferred_username": username, "sub": username, **claims}, lifetime)

    return make


@pytest.fixture
def by_jwt(token_of: Callable[..., str]) -> Callable[..., APIClient]:
    """`by_jwt("ana")` is a client that sends such a token in the header."""

    def make(username: str, **claims: Any) -> APIClient:
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"JWT {token_of(username, **claims)}")
        return client

    return make


@pytest.fixture
def by_cookies(token_of: Callable[..., str]) -> Callable[..., APIClient]:
    """`by_cookies("ana")` is a browser with the two JWT cookies; `client` adds them to one that has a session."""

    def make(
        username: str, *, client: APIClient | None = None, enforce_csrf_checks: bool = False, **claims: Any
    ) -> APIClient:
        browser = client or APIClient(raise_request_exception=False, enforce_csrf_checks=enforce_csrf_checks)
        readable, _, signature = token_of(username, **claims).rpartition(".")
        browser.cookies["edx-jwt-cookie-header-payload"] = readable
        browser.cookies["edx-jwt-cookie-signature"] = signature
        return browser

    return make
