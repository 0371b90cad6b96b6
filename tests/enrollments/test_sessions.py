"""Signing in and out with a browser (contract: enrollment-api, Cookies, login_refresh, login_ajax, logout)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from config.api.exceptions import Refusal
from config.api.jwt import decode
from enrollments.models import LoginFailure, OAuthApplication, User
from enrollments.services import sign_in
from enrollments.services.tokens import SIGN_IN_COOKIES
from enrollments.signals import accounts_saved
from tests.factories import PASSWORD, PendingAdminFactory, PendingLearnerFactory, RoleAssignmentFactory, UserFactory

pytestmark = pytest.mark.django_db

V1, V2 = "/api/user/v1/account/login_session/", "/api/user/v2/account/login_session/"
INCOMPLETE = "There was an error receiving your login information. Please email us."


@pytest.fixture
def learner() -> User:
    return UserFactory(username="maria", email="Maria.Lopez@learners.example")


def posted(client: Any, path: str, **form: str) -> Any:
    """A form-encoded POST."""
    from urllib.parse import urlencode

    return client.post(path, urlencode(form), content_type="application/x-www-form-urlencoded")


def sign(client: Any, name: str = "maria", password: str = PASSWORD, path: str = V2, **more: str) -> Any:
    return posted(client, path, email_or_username=name, password=password, **more)


def jwt_of(response: Any) -> dict[str, Any]:
    """The claims of the token that an answer's cookies hold, verified."""
    halves = [response.cookies[f"edx-jwt-cookie-{half}"].value for half in ("header-payload", "signature")]
    return decode(".".join(halves))


# --- The login calls ---


def test_signing_in_answers_success_with_a_session_and_all_cookies(client: Any, learner: User) -> None:
    response = sign(client)
    assert response.status_code == 200
    assert response.json() == {"success": True, "redirect_url": None}
    assert {*SIGN_IN_COOKIES, "sessionid", "csrftoken"} <= set(response.cookies)
    assert client.get("/api/user/v1/me").json() == {"username": "maria"}


def test_version_1_wants_an_e_mail_address(client: Any, learner: User) -> None:
    assert posted(client, V1, email=learner.email, password=PASSWORD).status_code == 200
    assert posted(client, V1, email=learner.email.upper(), password=PASSWORD).status_code == 200
    by_name = posted(client, V1, email="maria", password=PASSWORD)
    assert by_name.json()["error_code"] == "incorrect-email-or-password"
    assert posted(client, V1, email_or_username="maria", password=PASSWORD).json()["value"] == INCOMPLETE


@pytest.mark.parametrize("name", ["maria", "Maria.Lopez@learners.example", "maria.lopez@LEARNERS.example"])
def test_version_2_takes_a_user_name_or_e_mail_address(client: Any, learner: User, name: str) -> None:
    assert sign(client, name).status_code == 200
    assert posted(client, V2, email=name, password=PASSWORD).json()["value"] == INCOMPLETE


def test_user_names_compare_with_case(client: Any, learner: User) -> None:
    assert sign(client, "MARIA").status_code == 400


def test_a_user_name_wins_over_an_e_mail_address(client: Any, learner: User) -> None:
    named_like_it = UserFactory(username="maria.lopez@learners.example")
    sign(client, "maria.lopez@learners.example")
    assert client.get("/api/user/v1/me").json() == {"username": named_like_it.username}


def test_login_ajax_takes_either_field(client: Any, learner: User) -> None:
    assert posted(client, "/login_ajax", email=learner.email, password=PASSWORD).status_code == 200
    assert posted(client, "/login_ajax", email_or_username="maria", password=PASSWORD).status_code == 200
    assert client.get("/login_ajax").status_code == 405


@pytest.mark.parametrize(("path", "field"), [(V1, "email"), (V2, "email_or_username")])
def test_get_describes_the_form_and_sets_the_csrf_cookie(client: Any, path: str, field: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    body = response.json()
    assert (body["method"], body["submit_url"]) == ("post", path)
    assert [each["name"] for each in body["fields"]] == [field, "password"]
    assert response.cookies["csrftoken"].value


@pytest.mark.parametrize("path", [V1, V2, "/login_ajax"])
def test_the_login_calls_need_a_csrf_token(learner: User, path: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    form = {"email": learner.email, "email_or_username": "maria", "password": PASSWORD}
    refused = browser.post(path, form)
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("CSRF Failed: ")
    assert "sessionid" not in refused.cookies
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    assert browser.post(path, form, headers={"X-CSRFToken": token}).status_code == 200


@pytest.mark.parametrize(
    "form", [{}, {"email_or_username": "maria"}, {"password": "x"}, {"email_or_username": "", "password": "x"}]
)
def test_an_incomplete_form_says_so(client: Any, learner: User, form: dict[str, str]) -> None:
    response = posted(client, V2, **form)
    assert response.status_code == 400
    assert response.json() == {"success": False, "value": INCOMPLETE}


@pytest.mark.parametrize(
    "body", [[], None, {"email_or_username": ["maria"], "password": {}}, {"email_or_username": 5, "password": 5}]
)
def test_json_of_the_wrong_kind_is_an_incomplete_form(client: Any, learner: User, body: Any) -> None:
    response = client.post(V2, body, format="json")
    assert response.status_code == 400


@pytest.mark.parametrize("path", [V2, "/login"])
def test_a_nul_character_is_refused(client: Any, learner: User, path: str) -> None:
    response = sign(client, "maria\0", path=path)
    assert response.status_code in {200, 400}
    assert "sessionid" not in response.cookies


@pytest.mark.parametrize("name", ["x" * 100_000, "\N{PILE OF POO}@learners.example", "%"])
def test_odd_names_are_just_wrong(client: Any, learner: User, name: str) -> None:
    assert sign(client, name).json()["error_code"] == "incorrect-email-or-password"


def test_next_comes_back_when_it_is_safe(client: Any, learner: User, settings: Any) -> None:
    settings.LOGIN_REDIRECT_WHITELIST = ["portal.example"]
    assert sign(client, next="/support/").json()["redirect_url"] == "/support/"
    assert sign(client, next="https://portal.example/a?b=c").json()["redirect_url"] == "https://portal.example/a?b=c"
    for foreign in (
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "https://portal.example.evil.example/",
    ):
        assert sign(client, next=foreign).json()["redirect_url"] is None
    assert sign(client, path=f"{V2}?next=/support/").json()["redirect_url"] == "/support/"


def test_a_wrong_password_and_an_unknown_name_look_the_same(client: Any, learner: User) -> None:
    known, unknown = sign(client, password="wrong"), sign(client, "nobody")
    assert known.status_code == unknown.status_code == 400
    assert (
        known.json()
        == unknown.json()
        == {
            "success": False,
            "value": "Email or password is incorrect.",
            "error_code": "incorrect-email-or-password",
            "context": {"failure_count": 1},
        }
    )
    assert "sessionid" not in known.cookies


def test_an_unknown_name_costs_a_password_hash(monkeypatch: Any) -> None:
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    with pytest.raises(sign_in.SignInRefused):
        sign_in.check("nobody", "x", lambda name: None)
    assert hashed == ["x"]


def test_an_account_without_usable_password_cannot_sign_in(client: Any, learner: User) -> None:
    learner.set_unusable_password()
    learner.save()
    assert sign(client).json()["error_code"] == "incorrect-email-or-password"


def test_inactive_accounts_cannot_sign_in(client: Any, learner: User, settings: Any) -> None:
    User.objects.filter(pk=learner.pk).update(is_active=False)
    body = sign(client).json()
    assert body["success"] is False
    assert body["error_code"] == "inactive-user"
    assert body["email"] == learner.email
    assert body["value"]
    assert client.get("/api/user/v1/me").status_code == 401
    assert sign(client, password="wrong").json()["error_code"] == "incorrect-email-or-password"
    settings.ALLOW_INACTIVE_LOGIN = True
    assert sign(client).status_code == 200


def test_the_page_leads_inactive_accounts_on_only_where_they_may_sign_in(
    client: Any, learner: User, settings: Any
) -> None:
    User.objects.filter(pk=learner.pk).update(is_active=False)
    settings.ALLOW_INACTIVE_LOGIN = True
    assert sign(client).status_code == 200
    page = client.get("/login?next=/support/")
    assert (page.status_code, page["Location"]) == (302, "/support/")
    assert jwt_of(page)["preferred_username"] == "maria"
    settings.ALLOW_INACTIVE_LOGIN = False
    assert client.get("/login?next=/support/").status_code == 200


def test_signing_in_without_the_login_application_is_refused(client: Any, learner: User) -> None:
    OAuthApplication.objects.filter(client_id=django_settings.JWT_LOGIN_CLIENT_ID).delete()
    response = sign(client)
    assert response.status_code == 400
    assert response.json()["success"] is False
    assert client.get("/api/user/v1/me").status_code == 401


def test_signing_in_changes_the_session_id(client: Any, learner: User) -> None:
    """A session that somebody else put into the browser is not the one that is signed in."""
    planted = client.session
    planted["anything"] = 1
    planted.save()
    assert sign(client).cookies["sessionid"].value != planted.session_key


# --- Lockout ---


@pytest.mark.parametrize("name", ["maria", "nobody"])
def test_too_many_failures_lock_an_account_and_an_unknown_name_alike(client: Any, learner: User, name: str) -> None:
    answers = [sign(client, name, "wrong").json() for _ in range(8)]
    assert [answer["error_code"] for answer in answers] == [
        "incorrect-email-or-password",
        "incorrect-email-or-password",
        "failed-login-attempt",
        "failed-login-attempt",
        "failed-login-attempt",
        "account-locked-out",
        "account-locked-out",
        "account-locked-out",
    ]
    assert [answer["context"]["failure_count"] for answer in answers] == [1, 2, 3, 4, 5, 6, 6, 6]
    assert [answer["context"].get("remaining_attempts") for answer in answers] == [
        None,
        None,
        3,
        2,
        1,
        None,
        None,
        None,
    ]
    assert all(answer["value"] for answer in answers)


def test_the_right_password_does_not_open_a_locked_account(client: Any, learner: User, settings: Any) -> None:
    settings.MAX_FAILED_LOGIN_ATTEMPTS = 2
    for _ in range(2):
        sign(client, password="wrong")
    assert sign(client).json()["error_code"] == "account-locked-out"
    assert sign(client, learner.email).json()["error_code"] == "account-locked-out"


def test_a_lock_ends(client: Any, learner: User, settings: Any) -> None:
    settings.MAX_FAILED_LOGIN_ATTEMPTS, settings.FAILED_LOGIN_LOCKOUT_SECONDS = 2, 600
    for _ in range(2):
        sign(client, password="wrong")
    row = LoginFailure.objects.get()
    assert timedelta(seconds=590) < row.locked_until - timezone.now() <= timedelta(seconds=600)
    LoginFailure.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert sign(client, password="wrong").json()["context"]["failure_count"] == 1
    assert sign(client).status_code == 200


def test_success_forgets_the_failures(client: Any, learner: User) -> None:
    sign(client, password="wrong")
    sign(client)
    assert not LoginFailure.objects.exists()


def test_failures_of_one_account_leave_the_others_alone(client: Any, learner: User, settings: Any) -> None:
    settings.MAX_FAILED_LOGIN_ATTEMPTS = 1
    UserFactory(username="jose")
    sign(client, password="wrong")
    assert sign(client, "jose").status_code == 200


def test_a_success_that_was_checked_while_the_lock_fell_is_refused(
    learner: User, settings: Any, monkeypatch: Any
) -> None:
    """Guesses made at the same time: the right one among too many wrong ones is not told apart."""
    settings.MAX_FAILED_LOGIN_ATTEMPTS = 1
    check = User.check_password

    def slowly(self: User, raw: str) -> bool:
        right = check(self, raw)
        if right:
            LoginFailure.objects.create(user=self, failure_count=1, locked_until=timezone.now() + timedelta(minutes=5))
        return right

    monkeypatch.setattr(User, "check_password", slowly)
    with pytest.raises(sign_in.SignInRefused) as refused:
        sign_in.check("maria", PASSWORD, lambda name: learner)
    assert refused.value.error_code == "account-locked-out"


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite in memory refuses what comes at once instead of queueing it"
)
@pytest.mark.django_db(transaction=True)
def test_no_failure_is_lost_when_many_come_at_once(settings: Any) -> None:
    settings.MAX_FAILED_LOGIN_ATTEMPTS = 100
    learner = UserFactory()
    barrier = threading.Barrier(4)

    def guess() -> None:
        try:
            barrier.wait()
            for _ in range(3):
                with pytest.raises(sign_in.SignInRefused):
                    sign_in.check(learner.username, "wrong", lambda name: User.objects.get(pk=learner.pk))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LoginFailure.objects.get(user=learner).failure_count == 12


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


# --- The login page ---


def test_the_page_shows_a_form_under_a_strict_policy(client: Any) -> None:
    response = client.get("/login", {"next": "/support/?a=b&c=d"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/html")
    page = response.content.decode()
    assert '<input type="hidden" name="next" value="/support/?a=b&amp;c=d">' in page
    assert "csrfmiddlewaretoken" in page
    assert "<script" not in page
    assert "style=" not in page
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "foreign",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "https://testserver@evil.example/",
        "\thttps://evil.example/",
        "/ok\nSet-Cookie: a=b",
        "data:text/html,x",
    ],
)
def test_a_foreign_next_is_dropped(client: Any, learner: User, foreign: str) -> None:
    assert "evil" not in client.get("/login", {"next": foreign}).content.decode()
    response = posted(client, "/login", email_or_username="maria", password=PASSWORD, next=foreign)
    assert (response.status_code, response["Location"]) == (302, "/")


def test_the_form_leads_on_to_next(client: Any, learner: User, settings: Any) -> None:
    settings.LOGIN_REDIRECT_WHITELIST = ["portal.example"]
    page = client.get("/login", {"next": "http://portal.example/acme?x=1"})
    assert "form-action 'self' http://portal.example" in page["Content-Security-Policy"]
    response = posted(
        client, "/login", email_or_username="maria", password=PASSWORD, next="http://portal.example/acme?x=1"
    )
    assert (response.status_code, response["Location"]) == (302, "http://portal.example/acme?x=1")
    assert {*SIGN_IN_COOKIES, "sessionid"} <= set(response.cookies)


def test_the_own_root_address_is_safe_even_behind_another_name(client: Any, settings: Any) -> None:
    settings.LMS_ROOT_URL = "http://campus.example:8000"
    page = client.get("/login", {"next": "http://campus.example:8000/support/"})
    assert 'value="http://campus.example:8000/support/"' in page.content.decode()


def test_on_https_only_https_is_safe(client: Any, settings: Any) -> None:
    settings.LOGIN_REDIRECT_WHITELIST = ["portal.example"]
    assert "portal" in client.get("/login", {"next": "https://portal.example/"}, secure=True).content.decode()
    assert "portal" not in client.get("/login", {"next": "http://portal.example/"}, secure=True).content.decode()


def test_a_wrong_password_shows_the_page_again(client: Any, learner: User) -> None:
    response = posted(client, "/login", email_or_username='maria"><b>', password="wrong", next="/support/")
    page = response.content.decode()
    assert response.status_code == 200
    assert "Email or password is incorrect." in page
    assert "maria&quot;&gt;&lt;b&gt;" in page
    assert 'value="/support/"' in page
    assert "wrong" not in page
    assert "sessionid" not in response.cookies


def test_the_page_tells_the_other_refusals_too(client: Any, learner: User) -> None:
    User.objects.filter(pk=learner.pk).update(is_active=False)
    page = posted(client, "/login", email_or_username="maria", password=PASSWORD).content.decode()
    assert "not active yet" in page
    assert INCOMPLETE in posted(client, "/login").content.decode()


def test_the_form_needs_a_csrf_token(learner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    response = browser.post("/login", {"email_or_username": "maria", "password": PASSWORD})
    assert response.status_code == 403
    assert "sessionid" not in response.cookies


def test_who_is_signed_in_goes_on_with_fresh_cookies(learner: User, by_session: Callable[..., Any]) -> None:
    response = by_session(learner).get("/login", {"next": "/support/"})
    assert (response.status_code, response["Location"]) == (302, "/support/")
    assert jwt_of(response)["preferred_username"] == "maria"


def test_an_inactive_session_sees_the_form(by_session: Callable[..., Any]) -> None:
    assert by_session(UserFactory(is_active=False)).get("/login", {"next": "/support/"}).status_code == 200


def test_the_page_says_when_nobody_can_sign_in(client: Any, learner: User, by_session: Callable[..., Any]) -> None:
    OAuthApplication.objects.filter(client_id=django_settings.JWT_LOGIN_CLIENT_ID).delete()
    assert "application is missing" in by_session(learner).get("/login").content.decode()
    response = posted(client, "/login", email_or_username="maria", password=PASSWORD)
    assert "application is missing" in response.content.decode()
    assert client.post("/login_refresh").status_code == 401


def test_a_sign_in_that_breaks_leaves_no_session(client: Any, learner: User) -> None:
    def refuse(**kwargs: Any) -> None:
        raise Refusal("not now")

    accounts_saved.connect(refuse)
    try:
        assert sign(client).status_code == 400
        assert "not now" in sign(client, path="/login").content.decode()
    finally:
        accounts_saved.disconnect(refuse)
    assert client.post("/login_refresh").status_code == 401
    learner.refresh_from_db()
    assert learner.last_login is None


@pytest.mark.parametrize(
    "target",
    [
        "/oauth2/authorize?client_id=%00&redirect_uri=https://a.example/",
        "/oauth2/authorize?client_id=login-service-client-id&redirect_uri=http://[",
        "/oauth2/authorize?client_id=login-service-client-id&redirect_uri=http://a.example:port/",
        "/oauth2/authorize?client_id=login-service-client-id&redirect_uri=%ff%fe",
        "/oauth2/authorize?%zz",
        "http://[",
        "?",
    ],
)
def test_odd_targets_do_not_break_the_page(client: Any, target: str) -> None:
    assert client.get("/login", {"next": target}).status_code == 200


# --- /logout ---


@pytest.mark.parametrize("method", ["get", "post"])
def test_signing_out_ends_the_session_and_takes_the_cookies_away(client: Any, learner: User, method: str) -> None:
    sign(client)
    response = getattr(client, method)("/logout")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/html")
    for name in (*SIGN_IN_COOKIES, "sessionid"):
        assert response.cookies[name].value == ""
        assert response.cookies[name]["max-age"] == 0
    assert client.post("/login_refresh").status_code == 401
    assert client.get("/api/user/v1/me").status_code == 401


def test_signing_out_takes_the_cookies_of_the_shared_domain_away(client: Any, learner: User, settings: Any) -> None:
    settings.SHARED_COOKIE_DOMAIN = ".campus.example"
    cookies = client.get("/logout").cookies
    assert {cookies[name]["domain"] for name in SIGN_IN_COOKIES} == {".campus.example"}


def test_nobody_needs_to_be_signed_in_or_hold_a_csrf_token(client: Any) -> None:
    assert client.get("/logout").status_code == 200
    assert Client(enforce_csrf_checks=True).post("/logout").status_code == 200


@pytest.mark.parametrize("name", ["redirect_url", "next"])
def test_signing_out_leads_to_a_safe_address(client: Any, settings: Any, name: str) -> None:
    settings.LOGIN_REDIRECT_WHITELIST = ["portal.example"]
    target = "http://portal.example/enterprise/proxy-login/?next=a&b=c"
    page = client.get(f"/logout?{name}={quote(target)}").content.decode()
    assert 'content="0; url=http://portal.example/enterprise/proxy-login/?next=a&amp;b=c"' in page
    assert 'href="http://portal.example/enterprise/proxy-login/?next=a&amp;b=c"' in page
    assert 'url=/support/"' in client.post("/logout", {name: "/support/"}, format="multipart").content.decode()


@pytest.mark.parametrize(
    "foreign", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", '/"><script>']
)
def test_signing_out_leads_nowhere_else(client: Any, foreign: str) -> None:
    page = client.get("/logout", {"redirect_url": foreign}).content.decode()
    assert "evil" not in page
    assert "javascript" not in page
    assert "<script" not in page


def test_redirect_url_wins_over_next(client: Any) -> None:
    page = client.get("/logout?next=/second&redirect_url=/first").content.decode()
    assert 'url=/first"' in page


# --- A sign-in saves the account ---


@pytest.mark.parametrize("path", ["/login", "/login_ajax", V2])
def test_what_waits_for_an_address_is_there_when_the_sign_in_answers(client: Any, path: str) -> None:
    learner = UserFactory(username="late", email="Late.Comer@acme.example")
    pending = PendingLearnerFactory(user_email="late.comer@acme.example")
    PendingAdminFactory(enterprise_customer=pending.enterprise_customer, user_email="late.comer@acme.example")
    response = posted(client, path, email_or_username="late", password=PASSWORD)
    uuid = pending.enterprise_customer.uuid
    assert set(jwt_of(response)["roles"]) == {f"enterprise_admin:{uuid}", f"enterprise_learner:{uuid}"}
    learner.refresh_from_db()
    assert learner.last_login


def test_a_sign_in_costs_a_fixed_number_of_statements(
    client: Any, learner: User, django_assert_max_num_queries: Any
) -> None:
    sign(client)
    with django_assert_max_num_queries(20):
        assert sign(Client()).status_code == 200


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL explains its plans in words")
def test_an_address_is_looked_up_in_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    from django.db.models import Value
    from django.db.models.functions import Lower

    wanted = User.objects.exclude(email="").alias(lowered=Lower("email")).filter(lowered=Lower(Value("A@b.example")))
    assert "user_email_unique" in wanted.explain()
