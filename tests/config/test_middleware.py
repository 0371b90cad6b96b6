"""What happens before views: refused addresses, slashes, CORS, request ids (contract: customers 1.1, clients 0)."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.test import APIClient

from config.api.handler import Handler
from enrollments.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]

ORIGIN = "https://learner.partner.example"


# --- The guard -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/api/who%00ami/",
        "/%00",
        "/api/%FF/",
        "/api/%C3/",
        "/api/%ED%A0%80/",
        "/" + "x" * 5000,
        "/api/public?a=%00",
        "/api/public?%00=1",
        "/api/public?a=%FF",
        "/api/public?a=%zz",
        "/api/public?a=100%",
        "/api/public?a=" + "x" * 70_000,
    ],
)
def test_a_malformed_address_is_a_400_in_json(client: APIClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/json"
    assert list(answer.json()) == ["detail"]


def test_a_cookie_with_a_nul_character_is_refused(client: APIClient) -> None:
    answer = client.get("/api/whoami/", headers={"Cookie": 'sessionid="a\\000b"'})
    assert (answer.status_code, answer.json()) == (400, {"detail": "A cookie is malformed."})


def test_a_strange_session_cookie_is_no_500(client: APIClient) -> None:
    for value in ["x", "é", "a" * 5000, "\\", "'", '"']:
        assert client.get("/api/session-only", headers={"Cookie": f"sessionid={value}"}).status_code == 401


@pytest.mark.parametrize("path", ["/api/course-v1:A+B+C", "/api/course-v1%3AA%2BB%2BC", "/api/%C3%A9", "/api/a%25b"])
def test_good_escapes_pass(client: APIClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_query_passes_as_it_is(client: APIClient, ana: User, by_jwt: Callable[..., APIClient]) -> None:
    assert by_jwt("ana").get("/api/whoami/?a=%C3%A9&b=a+b&c=%2B&d=é&e=100%25").status_code == 200


def environment(**more: Any) -> dict[str, Any]:
    return {**RequestFactory()._base_environ(), "wsgi.input": BytesIO(), "PATH_INFO": "/api/public", **more}


def answer_of(environ: dict[str, Any]) -> tuple[str, bytes]:
    """What the application that servers run answers."""
    seen: list[str] = []
    body = b"".join(Handler()(environ, lambda status, headers, *_: seen.append(status)))  # type: ignore[arg-type]
    return seen[0], body


@pytest.mark.parametrize("charset", ["bz2_codec", "undefined", "rot13", "punycode", "idna", "utf-7"])
def test_an_exotic_charset_is_refused_before_it_can_break_the_query(charset: str) -> None:
    content_type = f"application/json; charset={charset}"
    status, body = answer_of(environment(QUERY_STRING="a=1", CONTENT_TYPE=content_type))
    assert status == "400 Bad Request"
    assert body == b'{"detail": "The charset of the request is not supported."}'


@pytest.mark.parametrize("length", ["abc", "-5", "1.5", "9" * 5_000], ids=["word", "negative", "fraction", "endless"])
def test_a_length_of_the_body_that_is_no_number_is_refused_before_a_view_reads_it(length: str) -> None:
    form = {"REQUEST_METHOD": "POST", "PATH_INFO": "/login", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    status, body = answer_of(environment(**form, CONTENT_LENGTH=length))
    assert status == "400 Bad Request"
    assert body == b'{"detail": "The length of the body is malformed."}'


def test_too_many_query_parameters_are_refused(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
    for content_type in ["application/json", "application/json; charset=utf-8"]:
        status, _ = answer_of(environment(QUERY_STRING="a=1&" * 20, CONTENT_TYPE=content_type))
        assert status in {"400 Bad Request", "401 Unauthorized", "200 OK"}


def test_a_good_charset_and_an_unknown_one_pass() -> None:
    for charset in ["utf-8", "UTF8", "latin-1", "no-such-charset"]:
        content_type = f"application/json; charset={charset}"
        assert answer_of(environment(QUERY_STRING="a=%C3%A9", CONTENT_TYPE=content_type))[0] == "200 OK"


# --- Slashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_and_head_are_redirected_to_the_slash(client: APIClient, method: str) -> None:
    answer = client.generic(method, "/api/whoami?a=1&b=2")
    assert (answer.status_code, answer["Location"]) == (301, "/api/whoami/?a=1&b=2")


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_404_without_the_slash(client: APIClient, method: str, debug: bool, settings: Any) -> None:
    settings.DEBUG = debug
    answer = client.generic(method, "/api/whoami", "{}", content_type="application/json")
    assert answer.status_code == 404


def test_a_slash_too_many_is_404(client: APIClient) -> None:
    for method in ["GET", "POST"]:
        assert client.generic(method, "/api/public/").status_code == 404


def test_without_the_setting_nothing_is_redirected(client: APIClient, settings: Any) -> None:
    settings.APPEND_SLASH = False
    assert client.get("/api/whoami").status_code == 404


# --- CORS ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def whitelisted(settings: Any) -> Any:
    settings.CORS_ORIGIN_WHITELIST = [ORIGIN]
    return settings


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/public", 200),
        ("/api/whoami/", 401),
        ("/api/whoami", 301),
        ("/api/nothing", 404),
        ("/pages/nothing", 404),
        ("/api/fail/detail/bug", 500),
        ("/pages/broken/", 500),
        ("/api/%00", 400),
        ("/healthz", 200),
    ],
)
def test_every_answer_carries_cors_headers(client: APIClient, whitelisted: Any, path: str, status: int) -> None:
    answer = client.get(path, headers={"Origin": ORIGIN})
    assert answer.status_code == status
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert answer["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize(
    "asked_for", ["use-jwt-cookie", "content-type,use-jwt-cookie,x-csrftoken", "cache-control,expires,pragma"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_preflights_are_answered(client: APIClient, whitelisted: Any, asked_for: str, method: str) -> None:
    answer = client.options(
        "/api/whoami/",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": asked_for,
        },
    )
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    allowed = answer["Access-Control-Allow-Headers"].replace(" ", "").split(",")
    assert set(asked_for.split(",")) <= set(allowed)
    assert method in answer["Access-Control-Allow-Methods"]


def test_other_origins_are_told_nothing(client: APIClient, whitelisted: Any) -> None:
    answer = client.get("/api/public", headers={"Origin": "https://evil.example"})
    assert not answer.has_header("Access-Control-Allow-Origin")


def test_all_origins_are_admitted_where_the_setting_says_so_when_it_is_used(client: APIClient, settings: Any) -> None:
    settings.CORS_ALLOW_ALL = True
    for headers in [{}, {"Access-Control-Request-Method": "POST"}]:
        answer = client.options("/api/whoami/", headers={"Origin": "https://anywhere.example", **headers})
        assert answer["Access-Control-Allow-Origin"] == "https://anywhere.example"
        assert answer["Access-Control-Allow-Credentials"] == "true"


# --- Request ids -----------------------------------------------------------------------------------------------------


def test_a_request_id_is_echoed(client: APIClient) -> None:
    for path in ["/api/public", "/api/whoami/", "/api/nothing", "/api/fail/detail/bug", "/api/%00"]:
        assert client.get(path, headers={"X-Request-ID": "abc-123"})["X-Request-ID"] == "abc-123"


def test_a_request_without_an_id_is_given_one(client: APIClient) -> None:
    ids = {client.get("/api/public")["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(each) == 36 for each in ids)


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb", "é", 'a"b', "<script>"])
def test_an_id_that_is_no_short_token_is_replaced(client: APIClient, given: str) -> None:
    assert len(client.get("/api/public", headers={"X-Request-ID": given})["X-Request-ID"]) == 36


def test_the_console_runs_no_script_of_others_and_none_that_stands_in_a_page(client: APIClient) -> None:
    policy = client.get("/admin/")["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval';" in f"{policy};"
    assert "frame-ancestors 'none'" in policy
