"""Cross-domain requests and CSRF (contract: enrollment-api, Roles and permissions; clients 0 and 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollments.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]

ORIGIN = "https://learner.partner.example"
SECOND_COOKIE = "partner-csrftoken"


@pytest.fixture
def cross_domain(settings: Any) -> Any:
    settings.CORS_ORIGIN_WHITELIST = [ORIGIN]
    settings.CROSS_DOMAIN_CSRF_COOKIE_NAME = SECOND_COOKIE
    settings.CROSS_DOMAIN_CSRF_COOKIE_DOMAIN = ".partner.example"
    return settings


@pytest.fixture
def browser(ana: User, by_session: Callable[..., APIClient]) -> APIClient:
    return by_session(ana, enforce_csrf_checks=True)


def post(browser: APIClient, path: str, *, token: bool = True, **headers: str) -> Any:
    if token:
        headers["X-CSRFToken"] = browser.get("/csrf/api/v1/token", secure=True).json()["csrfToken"]
    return browser.post(path, {}, format="json", secure=True, headers=headers)


def test_https_without_a_referer_is_refused(browser: APIClient) -> None:
    answer = post(browser, "/api/crossdomain")
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed: Referer checking failed")


def test_the_own_host_is_a_good_referer(browser: APIClient) -> None:
    assert post(browser, "/api/anyway", Referer="https://testserver/page").status_code == 200


def test_a_strange_referer_is_refused_everywhere(browser: APIClient) -> None:
    for path in ["/api/anyway", "/api/crossdomain"]:
        for referer in ["https://evil.example/page", "https://[bad/", "nonsense", "http://testserver/"]:
            assert post(browser, path, Referer=referer).status_code == 403


def test_a_whitelisted_origin_is_trusted(browser: APIClient, cross_domain: Any) -> None:
    for path in ["/api/anyway", "/api/crossdomain", "/api/whoami/"]:
        assert post(browser, path, Referer=f"{ORIGIN}/page").status_code == 200
        assert post(browser, path, Origin=ORIGIN).status_code == 200


def test_the_token_is_required_of_a_whitelisted_origin_too(browser: APIClient, cross_domain: Any) -> None:
    for headers in [{"Referer": f"{ORIGIN}/page"}, {"Origin": ORIGIN}]:
        for path in ["/api/anyway", "/api/crossdomain"]:
            answer = post(browser, path, token=False, **headers)
            assert answer.status_code == 403
            assert answer.json()["detail"].startswith("CSRF Failed: CSRF")


def test_allowing_all_origins_skips_the_referer_check_of_cross_domain_views_only(
    browser: APIClient, settings: Any
) -> None:
    settings.CORS_ALLOW_ALL = True
    headers = {"Referer": "https://anywhere.example/page"}
    assert post(browser, "/api/crossdomain", **headers).status_code == 200
    assert post(browser, "/api/crossdomain", Origin="https://anywhere.example", **headers).status_code == 200
    assert post(browser, "/api/anyway", **headers).status_code == 403
    assert post(browser, "/api/crossdomain", Referer="http://anywhere.example/page").status_code == 403


def test_a_get_sets_the_csrf_cookie(browser: APIClient) -> None:
    answer = browser.get("/api/crossdomain")
    assert answer.status_code == 200
    assert "csrftoken" in answer.cookies
    assert SECOND_COOKIE not in answer.cookies
    assert "csrftoken" not in browser.get("/api/anyway").cookies


def test_a_qualifying_get_sets_the_second_cookie(browser: APIClient, cross_domain: Any) -> None:
    answer = browser.get("/api/crossdomain", secure=True, headers={"Referer": f"{ORIGIN}/page"})
    first, second = answer.cookies["csrftoken"], answer.cookies[SECOND_COOKIE]
    assert second.value == first.value
    assert (second["domain"], second["path"], second["secure"]) == (".partner.example", "/", True)


def test_other_gets_set_no_second_cookie(browser: APIClient, cross_domain: Any) -> None:
    good = {"Referer": f"{ORIGIN}/page"}
    assert SECOND_COOKIE not in browser.get("/api/crossdomain", secure=False, headers=good).cookies
    assert SECOND_COOKIE not in browser.get("/api/crossdomain", secure=True).cookies
    other = {"Referer": "https://evil.example/"}
    assert SECOND_COOKIE not in browser.get("/api/crossdomain", secure=True, headers=other).cookies
    cross_domain.CROSS_DOMAIN_CSRF_COOKIE_DOMAIN = None
    assert SECOND_COOKIE not in browser.get("/api/crossdomain", secure=True, headers=good).cookies
