"""Error shapes of the areas, and bad input that must never end in a 500 (ARCHITECTURE section 4, Error families)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from enrollments.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]

FAMILIES = ["detail", "plain", "developer", "message", "text", "string"]
CONFLICT = "The request conflicts with another change made at the same time. Try again."


def fail(client: APIClient, family: str, name: str, **query: str) -> Any:
    return client.get(f"/api/fail/{family}/{name}", query)


@pytest.mark.parametrize(
    ("family", "body"),
    [
        ("detail", {"detail": "No such thing."}),
        ("plain", {"detail": "No such thing."}),
        ("developer", {"developer_message": "No such thing.", "error_code": "nothing"}),
        ("message", {"message": "No such thing."}),
        ("string", "No such thing."),
    ],
)
def test_a_refusal_in_the_words_of_each_family(client: APIClient, family: str, body: Any) -> None:
    answer = fail(client, family, "refusal")
    assert (answer.status_code, answer.json()) == (404, body)
    assert answer["Content-Type"] == "application/json"


def test_a_refusal_as_plain_text(client: APIClient) -> None:
    answer = fail(client, "text", "refusal")
    assert (answer.status_code, answer.content.decode()) == (404, "No such thing.")
    assert answer["Content-Type"] == "text/html; charset=utf-8"


def test_a_plain_text_cannot_smuggle_markup(client: APIClient) -> None:
    assert fail(client, "text", "markup").content.decode() == "&lt;b&gt;'no'&lt;/b&gt;"
    assert fail(client, "message", "markup").json() == {"message": "<b>'no'</b>"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_body_of_its_own_is_shown_as_it_is_in_every_family(client: APIClient, family: str) -> None:
    answer = fail(client, family, "refusal-with-body")
    assert (answer.status_code, answer.json()) == (400, {"field_errors": {"a": {"developer_message": "b"}}})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("name", "status"), [("silent-refusal", 404), ("refusal-null", 400)])
def test_a_refusal_may_have_no_body_at_all(client: APIClient, family: str, name: str, status: int) -> None:
    answer = fail(client, family, name)
    assert (answer.status_code, answer.content) == (status, b"")
    assert not answer.has_header("Content-Type")


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("missing", 404, "No User matches the given query."),
        ("data", 404, "Not found."),
        ("overflow", 404, "Not found."),
        ("unicode", 404, "Not found."),
        ("depth", 400, "The request is nested too deeply."),
        ("collision", 409, CONFLICT),
    ],
)
def test_known_exceptions_in_each_family(client: APIClient, name: str, status: int, text: str) -> None:
    for family, body in [
        ("detail", {"detail": text}),
        ("plain", {"detail": text}),
        ("developer", {"developer_message": text}),
        ("message", {"message": text}),
        ("string", text),
    ]:
        answer = fail(client, family, name)
        assert (answer.status_code, answer.json()) == (status, body)
    assert fail(client, "text", name).content.decode() == text


def test_errors_of_a_form_keep_their_structure(client: APIClient) -> None:
    for name, errors in [
        ("form", {"name": ["This field is required."]}),
        ("form-list", ["Wrong."]),
        ("model", {"name": ["Too short."]}),
        ("message", {"non_field_errors": ["Not like this."]}),
    ]:
        assert fail(client, "detail", name).json() == errors
        assert fail(client, "text", name).json() == errors
        assert fail(client, "developer", name).json() == {"developer_message": errors}
        assert fail(client, "detail", name).status_code == 400


def test_what_is_refused_before_the_view_is_a_detail_in_most_families(client: APIClient) -> None:
    for family in ["detail", "plain", "message", "text", "string"]:
        answer = client.delete(f"/api/fail/{family}/bug")
        assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "DELETE" not allowed.'})
        assert fail(client, family, "forbidden").json() == {"detail": "Not you."}
        answer = client.post(f"/api/fail/{family}/bug", "x", content_type="text/plain")
        assert answer.status_code == 415
        assert answer.json() == {"detail": 'Unsupported media type "text/plain" in request.'}


def test_the_developer_family_says_everything_in_its_own_words(client: APIClient) -> None:
    assert client.delete("/api/fail/developer/bug").json() == {"developer_message": 'Method "DELETE" not allowed.'}
    assert fail(client, "developer", "forbidden").json() == {"developer_message": "Not you."}
    answer = client.post("/api/fail/developer/bug", "x", content_type="text/plain")
    assert answer.json() == {"developer_message": 'Unsupported media type "text/plain" in request.'}
    answer = client.post("/api/fail/developer/bug", "{", content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["developer_message"].startswith("JSON parse error - ")


def test_the_headers_of_the_developer_family(
    client: APIClient, ana: User, by_jwt: Callable[..., APIClient], settings: Any
) -> None:
    answer = client.get("/api/fail/program/bug")
    assert (answer.status_code, answer.json()) == (
        401,
        {"developer_message": "Authentication credentials were not provided."},
    )
    assert not answer.has_header("WWW-Authenticate")
    settings.ENROLLMENT_USER_RATE = "0/minute"
    answer = by_jwt("ana").get("/api/fail/program/missing")
    assert answer.status_code == 429
    assert answer.json()["developer_message"].startswith("Request was throttled.")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bug_of_ours_stays_a_500(client: APIClient, family: str) -> None:
    answer = fail(client, family, "bug")
    assert (answer.status_code, answer.json()) == (500, {"detail": "A server error occurred."})


UNAVAILABLE = "The service is not available at the moment. Try again soon."
NO_SPACE = "The service has no space left to store this. Try again later."
OUTAGES = [("outage", UNAVAILABLE), ("full-disk", NO_SPACE), ("large-file", NO_SPACE)]


@pytest.mark.parametrize(("name", "sentence"), OUTAGES)
def test_an_outage_is_told_in_the_words_of_each_family(
    client: APIClient, name: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    answers = {family: fail(client, family, name) for family in FAMILIES}

    assert {answer.status_code for answer in answers.values()} == {503}
    bodies = {family: answer.json() for family, answer in answers.items() if family != "text"}
    assert bodies == {
        "detail": {"detail": sentence},
        "plain": {"detail": sentence},
        "developer": {"developer_message": sentence},
        "message": {"message": sentence},
        "string": sentence,
    }
    assert answers["text"].content.decode() == sentence
    assert {answer.get("Retry-After") for family, answer in answers.items() if family != "developer"} == {"5"}
    assert any(record.levelname == "ERROR" and record.exc_info for record in caplog.records)


@pytest.mark.parametrize(("name", "sentence"), OUTAGES)
def test_an_outage_outside_the_apis_is_a_503_too(client: APIClient, name: str, sentence: str) -> None:
    answer = client.get(f"/api/failing-page/{name}")
    assert (answer.status_code, answer.json(), answer["Retry-After"]) == (503, {"detail": sentence}, "5")
    page = client.get(f"/failing-page/{name}", HTTP_ACCEPT="text/html")
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert sentence in page.content.decode()


@pytest.mark.parametrize("name", ["other-file-error", "missing-table"])
def test_an_error_that_does_not_pass_by_itself_is_no_outage(client: APIClient, name: str) -> None:
    # PostgreSQL gives every error of a statement a code; one without comes from the connection.
    if name == "missing-table" and connection.vendor == "postgresql":
        pytest.skip("the text is SQLite's")
    for path in (f"/api/fail/detail/{name}", f"/api/failing-page/{name}"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (500, {"detail": "A server error occurred."})


def test_a_bad_value_is_a_bad_request_when_more_than_the_path_can_have_held_it(client: APIClient) -> None:
    answer = fail(client, "detail", "data", q="1")
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The request holds a value that cannot be processed."}


@pytest.mark.parametrize(
    "value",
    ["x", "1.5", "9" * 25, "-" + "9" * 25, "1e400", "é", "[]", "None", "9" * 5000, "00000000-0000", "%F0%9F%A6%84"],
)
def test_an_impossible_id_ends_in_no_500(client: APIClient, value: str) -> None:
    if len(value) < 1000:
        assert client.get(f"/api/user/{value}").status_code == 404
    assert client.get("/api/user/1", {"pk": value}).status_code in {400, 404}


def test_unusable_input_is_logged_for_the_operator(client: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    fail(client, "detail", "data")
    assert "the database layer refused a value" in caplog.text
    fail(client, "detail", "collision")
    assert "two changes collided" in caplog.text
