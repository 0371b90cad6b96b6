"""The login page, and /logout (contract: enrollment-api, login_ajax, logout)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.test import Client

from config.api.exceptions import Refusal
from enrollments.models import OAuthApplication, User
from enrollments.services.tokens import SIGN_IN_COOKIES
from enrollments.signals import accounts_saved
from tests.enrollments.sessions.calls import INCOMPLETE, jwt_of, posted, sign
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


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
