"""The login page in a real browser (contract: enrollment-api, What browser clients call at start-up; clients 2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from enrollments.services.tokens import SIGN_IN_COOKIES
from tests.browser.conftest import Browsing
from tests.factories import PASSWORD, OAuthApplicationFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Drive = Callable[..., Any]


@pytest.fixture(autouse=True)
def maria() -> Any:
    return UserFactory(username="maria")


@pytest.fixture
def other_origin(live_server: Any) -> str:
    """The same server under another name: for a browser another site."""
    return str(live_server.url).replace("localhost", "127.0.0.1")


def sign_in(page: Any, password: str = PASSWORD) -> None:
    page.get_by_label("User name or e-mail").fill("maria")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scripts", [True, False])
def test_signing_in_by_keyboard_reaches_next(drive: Drive, browsing: Browsing, scripts: bool) -> None:
    def work(page: Any) -> dict[str, Any]:
        page.goto(f"/login?next={quote('/healthz?from=login')}")
        page.locator("#email_or_username:focus").wait_for()
        page.keyboard.type("maria")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/healthz?from=login")
        return {cookie["name"]: cookie for cookie in page.context.cookies()}

    cookies = drive(work, java_script_enabled=scripts)
    assert {"sessionid", *SIGN_IN_COOKIES} <= set(cookies)
    assert cookies["edx-jwt-cookie-signature"]["httpOnly"]
    assert browsing.errors == []
    assert browsing.foreign_requests == []


def test_a_wrong_password_says_so_and_keeps_the_name(drive: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> tuple[str, str, str, str]:
        page.goto("/login?next=/healthz")
        sign_in(page, "wrong")
        alert = page.get_by_role("alert")
        alert.wait_for()
        shown = alert.inner_text()
        name = page.get_by_label("User name or e-mail").input_value()
        focused = page.evaluate("document.activeElement.id")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/healthz")
        return shown, name, focused, page.url

    shown, name, focused, address = drive(work)
    assert shown == "Email or password is incorrect."
    assert (name, focused) == ("maria", "password")
    assert address == f"{browsing.origin}/healthz"
    assert browsing.errors == []
    assert browsing.foreign_requests == []


@pytest.mark.parametrize("foreign", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_foreign_next_is_dropped(drive: Drive, browsing: Browsing, foreign: str) -> None:
    def work(page: Any) -> str:
        page.goto(f"/login?next={quote(foreign, safe='')}")
        sign_in(page)
        page.wait_for_url(re.compile(r"^http://localhost:\d+/$"))
        return str(page.url)

    assert drive(work) == f"{browsing.origin}/"
    assert browsing.foreign_requests == []


def test_next_on_an_allowed_site_is_reached(drive: Drive, browsing: Browsing, other_origin: str, settings: Any) -> None:
    settings.LOGIN_REDIRECT_WHITELIST = [other_origin.removeprefix("http://")]

    def work(page: Any) -> str:
        page.goto(f"/login?next={quote(other_origin + '/healthz', safe='')}")
        sign_in(page)
        page.wait_for_url(f"{other_origin}/healthz")
        return str(page.url)

    assert drive(work) == f"{other_origin}/healthz"
    assert browsing.errors == []


def test_the_code_flow_ends_at_the_application(drive: Drive, browsing: Browsing, other_origin: str) -> None:
    callback = f"{other_origin}/healthz"
    OAuthApplicationFactory(
        client_id="registrar", authorization_grant_type="authorization-code", redirect_uris=callback, name="Registrar"
    )
    query = urlencode({"client_id": "registrar", "redirect_uri": callback, "response_type": "code", "state": "xyz"})

    def work(page: Any) -> tuple[str, str]:
        page.goto(f"/oauth2/authorize?{query}")
        sign_in(page)
        heading = page.get_by_role("heading", name="Allow Registrar").inner_text()
        page.get_by_role("button", name="Allow", exact=True).click()
        page.wait_for_url(f"{callback}?*")
        return heading, page.url

    heading, address = drive(work)
    assert heading == "Allow Registrar to use your account?"
    assert "code=" in address
    assert "state=xyz" in address
    assert browsing.errors == []


def test_the_code_flow_of_a_trusted_application_asks_nothing(
    drive: Drive, browsing: Browsing, other_origin: str
) -> None:
    callback = f"{other_origin}/healthz"
    OAuthApplicationFactory(
        client_id="registrar",
        authorization_grant_type="authorization-code",
        redirect_uris=callback,
        skip_authorization=True,
    )
    query = urlencode({"client_id": "registrar", "redirect_uri": callback, "response_type": "code", "state": "xyz"})

    def work(page: Any) -> str:
        page.goto(f"/oauth2/authorize?{query}")
        sign_in(page)
        page.wait_for_url(f"{callback}?*")
        return str(page.url)

    assert "code=" in drive(work)
    assert browsing.errors == []


def test_signing_out_goes_on_and_forgets(drive: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> tuple[set[str], str]:
        page.goto("/login?next=/healthz")
        sign_in(page)
        page.wait_for_url("**/healthz")
        page.goto(f"/logout?redirect_url={quote('/healthz?signed=out&x=1', safe='')}")
        page.wait_for_url("**/healthz?signed=out&x=1")
        return {cookie["name"] for cookie in page.context.cookies()}, page.url

    cookies, _ = drive(work)
    assert cookies <= {"csrftoken"}
    assert browsing.errors == []
    assert browsing.foreign_requests == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_both_colour_schemes(drive: Drive, browsing: Browsing, scheme: str) -> None:
    def work(page: Any) -> tuple[int, float]:
        page.goto("/login")
        page.keyboard.press("Shift+Tab")
        width = page.evaluate("document.documentElement.scrollWidth")
        return width, page.get_by_role("button", name="Sign in").bounding_box()["height"]

    width, height = drive(work, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    assert width <= 320
    assert height >= 44
    assert browsing.errors == []
