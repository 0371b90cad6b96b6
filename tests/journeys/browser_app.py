"""A browser front end as its HTTP library makes it behave (contract: clients 0 and 2).

It runs on another origin, keeps cookies, refreshes its token when the readable cookie is gone, fetches a CSRF token
before the first write, and preflights what browsers preflight. Every answer is checked for what such an app needs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.test import Client

from tests.factories import PASSWORD

ORIGIN = "http://apps.campus.example:1991"
HOST = "apps.campus.example:1991"
READ_HEADERS = ("use-jwt-cookie",)
WRITE_HEADERS = ("content-type", "use-jwt-cookie", "x-csrftoken")
CONFIGURATION_HEADERS = ("cache-control", "expires", "pragma")
TOKEN_COOKIE = "edx-jwt-cookie-header-payload"
FORM = "application/x-www-form-urlencoded"
Answer = Any


class BrowserApp:
    """One tab of a browser with one of the front ends in it.

    Args:
        reads_errors: whether its pages read the bodies of errors, so that none may be empty.
    """

    def __init__(self, *, reads_errors: bool = False) -> None:
        self.reads_errors = reads_errors
        self.browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.csrf_token = ""

    # --- Starting, signing in and out ---

    def configuration(self, app_id: str) -> dict[str, Any]:
        """What the build asks at its very start: without cookies, and with headers against caches."""
        path = f"/api/mfe_config/v1?mfe={app_id}"
        self.preflight("GET", path, CONFIGURATION_HEADERS)
        headers = {"Origin": ORIGIN, "Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "0"}
        answer = Client().get(path, headers=headers)
        self.check_origin(answer)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def refresh(self) -> Answer:
        """A new token, as before any call when there is no live one; a simple request: no preflight, no CSRF token."""
        answer = self.browser.generic("POST", "/login_refresh", headers={"Origin": ORIGIN})
        self.check_origin(answer)
        if answer.status_code == 401:
            self.browser.cookies.pop(TOKEN_COOKIE, None)
        return answer

    def sign_in(self, username: str, page: str) -> str:
        """From a page that wants a user to the sign-in page, through its form, and back; gives where one ends up."""
        assert self.refresh().status_code == 401
        address = f"/login?next={quote(ORIGIN + page, safe='')}"
        form = self.browser.get(address)
        assert form.status_code == 200
        hidden = {"csrfmiddlewaretoken": str(form.context["csrf_token"]), "next": form.context["next"]}
        fields = {**hidden, "email_or_username": username, "password": PASSWORD}
        answer = self.browser.post("/login", fields, headers={"Origin": "http://testserver"})
        assert answer.status_code == 302
        assert self.claims()["preferred_username"] == username
        return str(answer["Location"])

    def claims(self) -> dict[str, Any]:
        """What the app's script reads of the token: the cookie must be there, readable and decodable."""
        morsel = self.browser.cookies[TOKEN_COOKIE]
        assert not morsel["httponly"]
        assert morsel["path"] == "/"
        payload = morsel.value.split(".")[1]
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return found

    def let_token_expire(self) -> None:
        """The readable cookie has its hour behind it; the session goes on."""
        self.browser.cookies.pop(TOKEN_COOKIE, None)

    # --- Calls ---

    def get(self, path: str, query: Mapping[str, Any] | None = None, *, status: int = 200) -> Any:
        """The body of a GET; `query` as it would be encoded by the app."""
        address = path if query is None else f"{path}?{urlencode(query, doseq=True)}"
        return self.call("GET", address, status=status)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: Mapping[str, Any] | None = None,
        urlencoded: Mapping[str, str] | None = None,
        status: int | tuple[int, ...] = (200, 201, 202, 204),
    ) -> Any:
        """The body of one call, parsed as the app does it.

        Args:
            body: sent as JSON.
            form: sent as browsers send FormData: multipart, booleans in words, lists as repeated fields.
            urlencoded: sent as a plain form.
            status: what must be answered.
        """
        answer = self.answer(method, path, body, form=form, urlencoded=urlencoded)
        wanted = (status,) if isinstance(status, int) else status
        assert answer.status_code in wanted, f"{method} {path}: {answer.status_code} {answer.content[:300]!r}"
        return parsed(answer)

    def answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: Mapping[str, Any] | None = None,
        urlencoded: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer itself."""
        if TOKEN_COOKIE not in self.browser.cookies:
            assert self.refresh().status_code == 200
        headers = {"Origin": ORIGIN, "USE-JWT-COOKIE": "true", "Accept": "application/json, text/plain, */*"}
        if method == "GET":
            self.preflight(method, path, READ_HEADERS)
            answer = self.browser.get(path, headers=headers)
        else:
            headers["X-CSRFToken"] = self.token()
            self.preflight(method, path, WRITE_HEADERS)
            data, content_type = encoded(body, form, urlencoded)
            answer = self.browser.generic(method, path, data, content_type=content_type, headers=headers)
        self.check_origin(answer)
        self.check_error(answer)
        return answer

    def token(self) -> str:
        """The CSRF token, asked for before the first write and kept."""
        if not self.csrf_token:
            self.preflight("GET", "/csrf/api/v1/token", READ_HEADERS)
            headers = {"Origin": ORIGIN, "USE-JWT-COOKIE": "true"}
            answer = self.browser.get("/csrf/api/v1/token", headers=headers)
            self.check_origin(answer)
            self.csrf_token = answer.json()["csrfToken"]
        return self.csrf_token

    def pages(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Pages of a list: each `next` is followed as it is until it is null."""
        page = self.get(path, query)
        yield page
        while page["next"] is not None:
            parts = urlsplit(page["next"])
            assert (parts.scheme, parts.netloc) == ("http", "testserver")
            assert parts.path.rstrip("/") == path.rstrip("/")
            page = self.get(f"{parts.path}?{parts.query}")
            yield page

    # --- What such an app cannot do without ---

    def preflight(self, method: str, path: str, names: tuple[str, ...]) -> None:
        """The question before a call to another origin; it comes without cookies, and a redirect would break it."""
        answer = Client().options(
            path,
            headers={
                "Origin": ORIGIN,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": ",".join(names),
            },
        )
        assert answer.status_code == 200, path
        self.check_origin(answer)
        allowed = {name.strip().lower() for name in answer["Access-Control-Allow-Headers"].split(",")}
        assert set(names) <= allowed
        assert method in answer["Access-Control-Allow-Methods"]

    @staticmethod
    def check_origin(answer: Answer) -> None:
        assert answer["Access-Control-Allow-Origin"] == ORIGIN
        assert answer["Access-Control-Allow-Credentials"] == "true"

    def check_error(self, answer: Answer) -> None:
        """The body of an error is JSON or plain text: no page, and where bodies are read not empty."""
        if answer.status_code >= 400:
            assert answer.content or not self.reads_errors, "an error without a body"
            assert b"<!DOCTYPE html>" not in answer.content


def encoded(body: Any, form: Mapping[str, Any] | None, urlencoded: Mapping[str, str] | None) -> tuple[str | bytes, str]:
    """A body and its content type."""
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    if form is not None:
        return encode_multipart(BOUNDARY, {name: worded(value) for name, value in form.items()}), MULTIPART_CONTENT
    if urlencoded is not None:
        return urlencode(urlencoded), FORM
    return ("", "application/json") if body is None else (json.dumps(body), "application/json")


def worded(value: Any) -> Any:
    """A value as FormData has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return [worded(each) for each in value] if isinstance(value, list) else value


def parsed(answer: Answer) -> Any:
    """The body: JSON if it is JSON, else its text."""
    if answer["Content-Type"].startswith("application/json") if answer.has_header("Content-Type") else False:
        return json.loads(answer.content) if answer.content else None
    return answer.content.decode()


def require(found: Any, *names: str) -> None:
    """Asserts that an object has what the app reads; `a.b` is `b` inside `a`."""
    for name in names:
        value = found
        for part in name.split("."):
            assert isinstance(value, dict), f"{name}: {value!r}"
            assert part in value, f"{name} is missing in {sorted(value)}"
            value = value[part]
