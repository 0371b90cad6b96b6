"""Who is signed in by cookies changes nothing without a CSRF token, on any route (roles-and-permissions 5 and 6)."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollments.services import tokens
from tests.factories import UserFactory
from tests.security import authorization
from tests.security.authorization import Line, filled
from tests.security.scene import build

pytestmark = pytest.mark.django_db
# Calls that cookies do not authenticate: they ask for credentials of their own, or end the session at most.
OWN_CREDENTIALS = ("/oauth2/access_token", "/oauth2/revoke_token", "/logout", "/login_refresh")
WRITES = [
    line
    for line in chain(*authorization.sections().values())
    if line.method != "GET" and line.path not in OWN_CREDENTIALS
]


@pytest.mark.parametrize("kind", ["session", "jwt cookies"])
def test_no_write_is_accepted_from_cookies_without_a_csrf_token(kind: str) -> None:
    places = build().places
    browser = APIClient(raise_request_exception=False, enforce_csrf_checks=True)
    account = UserFactory(staff=True, superuser=True)
    if kind == "session":
        browser.force_login(account)
    else:
        token = tokens.access_token_for(account, scopes=["email", "profile"], grant_type="password")
        browser.cookies["edx-jwt-cookie-header-payload"], browser.cookies["edx-jwt-cookie-signature"] = _halves(token)

    accepted = {
        str(line): answer.status_code
        for line in WRITES
        if (answer := _call(browser, line, places)).status_code not in (401, 403)
    }

    assert accepted == {}


def _halves(token: str) -> tuple[str, str]:
    payload, _, signature = token.rpartition(".")
    return payload, signature


def _call(browser: APIClient, line: Line, places: dict[str, str]) -> Any:
    body = json.loads(filled(line.body, places) or "{}")
    return getattr(browser, line.method.lower())(filled(line.path, places), body, format="json")
