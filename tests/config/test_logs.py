"""Log lines: literal messages, the request's id, text or JSON."""

from __future__ import annotations

import copy
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from rest_framework.test import APIClient

from config.logs import logging_settings
from enrollments.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]


@pytest.fixture
def lines_of(settings: Any) -> Iterator[Callable[[str], StringIO]]:
    """`lines_of("json")` sets logging up in that style and gives the stream it writes to."""
    before = structlog.get_config()

    def start(style: str) -> StringIO:
        stream = StringIO()
        configured = copy.copy(logging_settings("INFO", style))
        configured["handlers"] = {"stderr": {**configured["handlers"]["stderr"], "stream": stream}}
        logging.config.dictConfig(configured)
        return stream

    yield start
    structlog.configure(**before)
    logging.config.dictConfig(settings.LOGGING)


def test_json_lines_carry_the_request_the_outcome_and_the_account(
    lines_of: Any, ana: User, by_jwt: Callable[..., APIClient]
) -> None:
    stream = lines_of("json")
    by_jwt("ana").get("/api/whoami/?a=1", headers={"X-Request-ID": "abc-1"})
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert line["event"] == "request_finished"
    assert line["request_id"] == "abc-1"
    assert line["code"] == 200
    assert line["user_id"] == ana.pk
    assert line["request"] == "GET /api/whoami/?a=1"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


def test_the_account_of_a_session_is_not_looked_up_for_the_log(
    lines_of: Any, ana: User, by_session: Callable[..., APIClient], django_assert_num_queries: Any
) -> None:
    stream = lines_of("json")
    browser = by_session(ana)
    with django_assert_num_queries(0):
        browser.get("/healthz")
    assert "user_id" not in json.loads(stream.getvalue().splitlines()[-1])


def test_audit_lines_stay_literal_beside_the_requests_id(lines_of: Any, by_api_key: APIClient) -> None:
    for style in ["text", "json"]:
        stream = lines_of(style)
        by_api_key.get("/api/keyed", headers={"X-Request-ID": "abc-2"})
        message = 'ApiKeyHeaderPermission used: ip="127.0.0.1", path="/api/keyed"'
        (line,) = [text for text in stream.getvalue().splitlines() if "ApiKeyHeaderPermission" in text]
        assert (json.loads(line)["event"] if style == "json" else line).count(message) == 1
        assert "abc-2" in line


def test_a_failure_is_logged_once_with_its_traceback(lines_of: Any, client: APIClient) -> None:
    stream = lines_of("json")
    client.get("/api/fail/detail/bug", headers={"X-Request-ID": "abc-3"})
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["event"], line["request_id"], line["level"]) == ("request_failed", "abc-3", "error")
    assert "a bug of ours" in json.dumps(line["exception"])


def test_a_path_cannot_forge_a_line(lines_of: Any, client: APIClient) -> None:
    for style in ["text", "json"]:
        stream = lines_of(style)
        client.get("/api/a%0A2031-01-01 forged")
        assert len(stream.getvalue().splitlines()) == 1


def test_lines_below_the_level_are_not_written(lines_of: Any) -> None:
    stream = lines_of("text")
    logging.getLogger("anything").debug("quiet")
    structlog.get_logger("anything").debug("quiet too")
    logging.getLogger("anything").info("loud %s", "enough")
    (line,) = stream.getvalue().splitlines()
    assert "loud enough" in line
    assert "[anything]" in line


def test_context_does_not_leak_from_one_request_to_the_next(lines_of: Any, client: APIClient) -> None:
    stream = lines_of("json")
    client.get("/api/public", headers={"X-Request-ID": "first"})
    logging.getLogger("anything").info("between")
    assert "request_id" not in json.loads(stream.getvalue().splitlines()[-1])
