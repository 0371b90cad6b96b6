"""The cookies of a sign-in, and /login_refresh (contract: enrollment-api, Cookies, login_refresh)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from enrollments.models import OAuthApplication, User
from enrollments.services.tokens import SIGN_IN_COOKIES
from tests.enrollments.sessions.calls import jwt_of, sign
from tests.factories import RoleAssignmentFactory, UserFactory

pytestmark = pytest.mark.django_db


# --- Cookies ---


def test_the_jwt_cookies_hold_a_token_of_the_login_service(client: Any, learner: User) -> None:
    RoleAssignmentFactory(user=learner, role="enterprise_openedx_operator")
    claims = jwt_of(sign(client))
    assert claims["scopes"] == ["user_id", "email", "profile"]
    assert claims["user_id"] == learner.pk
    assert claims["email"] == learner.email
    assert claims["name"] == learner.profile.name
    assert claims["grant_type"] == "password"
    assert claims["roles"] == ["enterprise_openedx_operator:*"]


def test_the_flags_of_the_cookies(client: Any, learner: User, settings: Any) -> None:
    settings.SECURE_COOKIES = True
    settings.SHARED_COOKIE_DOMAIN = ".campus.example"
    cookies = sign(client).cookies
    for name in SIGN_IN_COOKIES:
        assert cookies[name]["path"] == "/"
        assert cookies[name]["domain"] == ".campus.example"
        assert cookies[name]["secure"] is True
        assert cookies[name]["samesite"] == "Lax"
        assert bool(cookies[name]["httponly"]) is (name == "edx-jwt-cookie-signature")
    for name in SIGN_IN_COOKIES[:2]:
        assert cookies[name]["max-age"] == 3600
    for name in (*SIGN_IN_COOKIES[2:], "sessionid"):
        assert cookies[name]["max-age"] == 4 * 7 * 24 * 3600
    assert cookies["sessionid"]["httponly"]


def test_cookies_are_for_this_host_and_for_http_by_default(client: Any, learner: User) -> None:
    cookies = sign(client).cookies
    for name in SIGN_IN_COOKIES:
        assert not cookies[name]["domain"]
        assert not cookies[name]["secure"]


def test_what_page_headers_read(client: Any, learner: User) -> None:
    cookies = sign(client).cookies
    assert cookies["edxloggedin"].value == "true"
    info = json.loads(cookies["edx-user-info"].value)
    assert set(info) == {"version", "username", "email", "header_urls", "user_image_urls"}
    assert (info["username"], info["email"]) == ("maria", learner.email)
    assert set(info["header_urls"]) == {"logout", "account_settings", "learner_profile", "resume_block"}
    assert info["header_urls"]["logout"] == "http://testserver/logout"
    assert set(info["user_image_urls"]) == {"full", "large", "medium", "small"}


def test_the_picture_is_there(client: Any, learner: User) -> None:
    from django.contrib.staticfiles import finders

    info = json.loads(sign(client).cookies["edx-user-info"].value)
    for address in info["user_image_urls"].values():
        assert finders.find(address.removeprefix(f"http://testserver{django_settings.STATIC_URL}"))


def test_the_readable_cookie_is_the_token_without_its_signature(client: Any, learner: User) -> None:
    cookies = sign(client).cookies
    assert cookies["edx-jwt-cookie-header-payload"].value.count(".") == 1
    assert "." not in cookies["edx-jwt-cookie-signature"].value


def test_the_cookies_serve_the_calls_that_follow_with_and_without_session(client: Any, learner: User) -> None:
    cookies = sign(client).cookies
    stranger = Client()
    for half in ("header-payload", "signature"):
        stranger.cookies[f"edx-jwt-cookie-{half}"] = cookies[f"edx-jwt-cookie-{half}"].value
    assert stranger.get("/api/user/v1/me").json() == {"username": "maria"}
    assert stranger.get("/api/user/v1/me", headers={"USE-JWT-COOKIE": "true"}).json() == {"username": "maria"}


def test_a_header_wins_over_cookies(client: Any, learner: User, as_user: Callable[..., Any]) -> None:
    sign(client)
    other = as_user(UserFactory(username="jose"))
    assert client.get(
        "/api/user/v1/me", headers={"Authorization": other._credentials["HTTP_AUTHORIZATION"]}
    ).json() == {"username": "jose"}
    assert client.get("/api/user/v1/me", headers={"Authorization": "JWT bad"}).status_code == 401


def test_a_cookie_of_somebody_else_than_the_session_is_refused(client: Any, learner: User) -> None:
    sign(client)
    other = Client()
    UserFactory(username="jose")
    cookies = sign(other, "jose").cookies
    for half in ("header-payload", "signature"):
        client.cookies[f"edx-jwt-cookie-{half}"] = cookies[f"edx-jwt-cookie-{half}"].value
    assert client.get("/api/user/v1/me").status_code == 401
    # The way out for the browser: cookies of the session's own.
    assert jwt_of(client.post("/login_refresh"))["preferred_username"] == "maria"


# --- /login_refresh ---


def test_refreshing_answers_when_the_token_ends_and_sets_new_cookies(
    learner: User, by_session: Callable[..., Any]
) -> None:
    response = by_session(learner, enforce_csrf_checks=True).post("/login_refresh")
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {
        "success", "user_id", "response_epoch_seconds", "response_http_date", "expires", "expires_epoch_seconds"
    }  # fmt: skip
    assert body["success"] is True
    assert body["user_id"] == learner.pk
    assert abs(body["response_epoch_seconds"] - time.time()) < 5
    assert type(body["response_epoch_seconds"]) is float
    assert type(body["expires_epoch_seconds"]) is int
    assert jwt_of(response)["exp"] == body["expires_epoch_seconds"]
    assert parsedate_to_datetime(body["expires"]).timestamp() == body["expires_epoch_seconds"]
    assert parsedate_to_datetime(body["response_http_date"]).timestamp() == int(body["response_epoch_seconds"])
    assert set(SIGN_IN_COOKIES) <= set(response.cookies)


def test_without_session_there_is_nothing_to_refresh(client: Any, learner: User, as_user: Callable[..., Any]) -> None:
    for caller in (client, as_user(learner)):
        response = caller.post("/login_refresh")
        assert response.status_code == 401
        assert response.json() == "Unauthorized"
        assert not response.cookies


def test_inactive_sessions_may_refresh(by_session: Callable[..., Any]) -> None:
    response = by_session(UserFactory(is_active=False)).post("/login_refresh")
    assert response.status_code == 200
    assert jwt_of(response)["email_verified"] is False


def test_refreshing_needs_the_login_application(learner: User, by_session: Callable[..., Any]) -> None:
    OAuthApplication.objects.filter(client_id=django_settings.JWT_LOGIN_CLIENT_ID).delete()
    response = by_session(learner).post("/login_refresh")
    assert response.status_code == 400
    assert response.json()["success"] is False
    assert response.json()["value"]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_refreshing_is_a_post(learner: User, by_session: Callable[..., Any], method: str) -> None:
    assert getattr(by_session(learner), method)("/login_refresh").status_code == 405


def test_refreshing_is_no_sign_in(learner: User, by_session: Callable[..., Any]) -> None:
    browser = by_session(learner)
    User.objects.update(last_login=None)
    browser.post("/login_refresh")
    learner.refresh_from_db()
    assert learner.last_login is None


def test_a_session_ends_with_the_password(client: Any, learner: User) -> None:
    sign(client)
    learner.set_password("another")
    learner.save()
    assert client.post("/login_refresh").status_code == 401
