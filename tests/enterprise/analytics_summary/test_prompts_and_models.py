"""`POST analytics-summary/{customer}`: prompts, kept answers and a model elsewhere."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enterprise.models import ChatGPTResponse, EnterpriseCustomer
from enterprise.services import analytics_summary
from enterprise.summarisers import Question, SummariserFailed, remote
from enterprise.summarisers.prompts import ENGAGEMENT, PROGRESS, question, signed, whole_percents
from tests.enterprise.analytics_summary.figures import ENGAGEMENT_FIGURES, PROGRESS_FIGURES, path_of
from tests.factories import EnterpriseCustomerFactory, customer_admin
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db


# --- Prompts and kept answers ---------------------------------------------------------------------------------------


def test_the_same_figures_add_no_row_and_are_answered_with_what_is_kept(ask: Any, customer: EnterpriseCustomer) -> None:
    first = ask().json()
    rows = ChatGPTResponse.objects.order_by("prompt_type")
    assert [(row.prompt_type, row.enterprise_customer_id, row.response) for row in rows] == [
        ("learner_engagement", customer.pk, first["learner_engagement"]),
        ("learner_progress", customer.pk, first["learner_progress"]),
    ]
    ChatGPTResponse.objects.filter(prompt_type=PROGRESS).update(response="As it was kept.")
    again = ask().json()
    assert again == {"learner_progress": "As it was kept.", "learner_engagement": first["learner_engagement"]}
    assert ChatGPTResponse.objects.count() == 2


def test_other_figures_are_another_prompt(ask: Any) -> None:
    ask()
    ask(progress={"at_risk_enrollment_dormant": 2})
    assert ChatGPTResponse.objects.count() == 3


def test_answers_are_kept_for_each_customer_by_itself(ask: Any, as_user: Any, other: EnterpriseCustomer) -> None:
    ask()
    ChatGPTResponse.objects.update(response="Of Acme only.")
    text = ask(of=other.pk, client=as_user(customer_admin(other))).json()["learner_progress"]
    assert text != "Of Acme only."
    assert ChatGPTResponse.objects.count() == 4


def test_the_hash_of_a_prompt_is_its_md5(ask: Any) -> None:
    row = ChatGPTResponse(prompt="hello", enterprise_customer=EnterpriseCustomerFactory(), prompt_type=PROGRESS)
    row.save()
    assert row.prompt_hash == "5d41402abc4b2a76b9719d911017c592"


def test_prompts_name_every_figure_with_whole_percents_and_signed_changes() -> None:
    progress = question(PROGRESS, {**PROGRESS_FIGURES, "assigned_licenses_percentage": 0.799}).prompt
    for part in (
        "Acme",
        "assigned: 40 (80%)",
        "activated: 30 (75%)",
        "Active enrollments: 50",
        ": 5;",
        ": 10;",
        ": 1.",
    ):
        assert part in progress
    engagement = question(ENGAGEMENT, ENGAGEMENT_FIGURES).prompt
    for part in (
        "enrollments 15 (before: 10, change: +5)",
        "passed 3 (before: 4, change: -1)",
        "learners 8 (before: 8, change: +0)",
        "study 120 (before: 60, change: +60)",
    ):
        assert part in engagement


def test_there_is_another_prompt_without_an_active_plan_or_contract() -> None:
    assert (
        "no active subscription plan"
        in question(PROGRESS, {**PROGRESS_FIGURES, "active_subscription_plan": False}).prompt
    )
    assert "no active contract" in question(ENGAGEMENT, {**ENGAGEMENT_FIGURES, "active_contract": False}).prompt


def test_prompts_can_be_replaced_by_setting_one_by_one(settings: Any) -> None:
    settings.ANALYTICS_SUMMARY_PROMPTS = {
        PROGRESS: {"active": "$enterprise_customer_name: $assigned_licenses_percentage% $unknown ${bad"},
        ENGAGEMENT: {"inactive": "$hours_delta h"},
    }
    assert question(PROGRESS, PROGRESS_FIGURES).prompt == "Acme: 80% $unknown ${bad"
    assert question(ENGAGEMENT, {**ENGAGEMENT_FIGURES, "active_contract": False}).prompt == "+60 h"
    assert "Figures: enrollments 15" in question(ENGAGEMENT, ENGAGEMENT_FIGURES).prompt


@pytest.mark.parametrize(("share", "percents"), [(0, 0), (0.004, 0), (0.406, 41), (1, 100), (40.6, 41), (140, 140)])
def test_shares_are_shown_as_whole_percents(share: float, percents: int) -> None:
    assert whole_percents(share) == percents


@pytest.mark.parametrize(("number", "text"), [(3, "+3"), (0, "+0"), (-2, "-2")])
def test_changes_have_a_sign(number: int, text: str) -> None:
    assert signed(number) == text


def test_an_answer_that_another_request_kept_first_is_the_one_that_counts(
    ask: Any, customer: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(asked: Question) -> str:
        ChatGPTResponse.objects.create(
            enterprise_customer=customer, prompt=asked.prompt, prompt_type=asked.kind, response="The first one's."
        )
        return "The second one's."

    monkeypatch.setattr(analytics_summary, "summariser", lambda: overtaken)
    assert ask().json() == {"learner_progress": "The first one's.", "learner_engagement": "The first one's."}
    assert ChatGPTResponse.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_two_identical_requests_at_once_get_the_same_text_and_keep_one_row(
    as_user: Any, customer: EnterpriseCustomer
) -> None:
    clients = [as_user(customer_admin(customer)) for _ in range(4)]
    body = {"learner_progress": PROGRESS_FIGURES, "learner_engagement": ENGAGEMENT_FIGURES}
    answers: list[Any] = []
    calls = [lambda client=client: answers.append(client.post(path_of(customer.pk), body)) for client in clients]
    assert at_once(*calls) == []
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.content for answer in answers}) == 1
    assert ChatGPTResponse.objects.count() == 2


def test_statements_are_few(ask: Any) -> None:
    with CaptureQueriesContext(
        connection,
    ) as first:
        ask()
    with CaptureQueriesContext(connection) as again:
        ask()
    # Account; customer; kept answers; insert (in a transaction of its own: savepoint and release), kept answers anew.
    assert len([each for each in first if "SAVEPOINT" not in each["sql"]]) == 5
    assert len(again) == 3


# --- A remote summariser --------------------------------------------------------------------------------------------


class Model:
    """A language model on a real socket. `script` holds what it does with each request, the last for all further."""

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.requests: list[tuple[dict[str, str], Any]] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.requests.append((dict(self.headers), body))
                act = model.script.pop(0) if len(model.script) > 1 else model.script[0]
                act(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1/chat/completions"

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def says(body: Any, status: int = 200) -> Callable[[BaseHTTPRequestHandler], None]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return act


def completion(text: Any) -> Callable[[BaseHTTPRequestHandler], None]:
    return says({"choices": [{"message": {"role": "assistant", "content": text}}]})


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()
    handler.close_connection = True


def sleeps(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)


def drips(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(30):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


@pytest.fixture
def model(settings: Any) -> Iterator[Model]:
    made = Model()
    settings.ANALYTICS_SUMMARY_URL = made.url
    settings.ANALYTICS_SUMMARY_API_KEY = "key-of-the-model"
    settings.ANALYTICS_SUMMARY_MODEL = "small-one"
    yield made
    made.stop()


FAILED = {"detail": "The summary could not be written. Try again later."}


def test_a_remote_model_is_asked_once_per_prompt(model: Model, ask: Any) -> None:
    model.script = [completion("Progress is good. "), completion("Engagement is better.")]
    expected = {"learner_progress": "Progress is good.", "learner_engagement": "Engagement is better."}
    assert ask().json() == expected
    assert ask().json() == expected
    assert len(model.requests) == 2
    headers, body = model.requests[0]
    assert headers["Authorization"] == "Bearer key-of-the-model"
    assert body["model"] == "small-one"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == question(PROGRESS, PROGRESS_FIGURES).prompt


def test_only_the_prompt_without_an_answer_is_asked(model: Model, ask: Any) -> None:
    model.script = [completion("Some text.")]
    ask()
    ask(progress={"active_enrollments": 51})
    assert len(model.requests) == 3


def test_without_key_and_model_neither_is_sent(model: Model, ask: Any, settings: Any) -> None:
    settings.ANALYTICS_SUMMARY_API_KEY = settings.ANALYTICS_SUMMARY_MODEL = None
    model.script = [completion("Some text.")]
    assert ask().status_code == 200
    headers, body = model.requests[0]
    assert "Authorization" not in headers
    assert "model" not in body


def test_an_answer_that_is_a_list_of_messages_is_understood(model: Model, ask: Any) -> None:
    model.script = [says([{"role": "assistant", "content": "First of all."}, {"content": "second"}])]
    assert ask().json()["learner_progress"] == "First of all."


@pytest.mark.parametrize("failure", [says({"error": "busy"}, 500), says(b"", 503), hangs_up])
def test_a_passing_failure_is_tried_once_more(model: Model, ask: Any, failure: Any) -> None:
    model.script = [failure, completion("After all.")]
    answer = ask()
    assert (answer.status_code, answer.json()["learner_progress"]) == (200, "After all.")
    assert len(model.requests) == 3


@pytest.mark.parametrize(
    ("failure", "requests"),
    [
        (says({"error": "busy"}, 500), 2),
        (hangs_up, 2),
        (says({"error": "no such key"}, 401), 1),
        (says(b"", 302), 1),
        (says(b"<html>"), 1),
        (says(b"[" * 50_000), 1),
        (says({}), 1),
        (says([]), 1),
        (says({"choices": []}), 1),
        (says({"choices": [{"message": "text"}]}), 1),
        (says("text"), 1),
        (says(b"\xff\xfe"), 1),
        (completion(None), 1),
        (completion(" \x00 "), 1),
        (completion({"text": "nested"}), 1),
        (says(b" " * (remote.LARGEST_ANSWER + 1)), 1),
    ],
)
def test_a_model_that_fails_is_502_and_nothing_is_kept(model: Model, ask: Any, failure: Any, requests: int) -> None:
    model.script = [failure]
    answer = ask()
    assert (answer.status_code, answer.json()) == (502, FAILED)
    assert len(model.requests) == requests
    assert not ChatGPTResponse.objects.exists()


def test_when_the_second_prompt_fails_the_first_answer_is_not_kept_either(model: Model, ask: Any) -> None:
    model.script = [completion("Some text."), says({}, 400)]
    assert ask().status_code == 502
    assert not ChatGPTResponse.objects.exists()


def test_a_model_that_nobody_serves_is_502(ask: Any, settings: Any) -> None:
    gone = Model()
    settings.ANALYTICS_SUMMARY_URL = gone.url
    gone.stop()
    assert ask().status_code == 502


@pytest.mark.parametrize("url", ["no address", "ftp://127.0.0.1/x", "http://[", "http://127.0.0.1:99999/"])
def test_an_address_that_is_none_is_502(ask: Any, settings: Any, url: str) -> None:
    settings.ANALYTICS_SUMMARY_URL = url
    assert ask().status_code == 502


def test_a_silent_model_is_given_up_and_not_asked_again(
    model: Model, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "TIMEOUT", remote.httpx.Timeout(0.2))
    model.script = [sleeps]
    assert ask().status_code == 502
    assert len(model.requests) == 1


def test_a_model_that_drips_its_answer_is_given_up(model: Model, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LONGEST_ANSWER", 0.2)
    model.script = [drips]
    begun = time.monotonic()
    assert ask().status_code == 502
    assert time.monotonic() - begun < 1


def test_the_patience_with_a_model_is_as_agreed() -> None:
    assert (remote.TIMEOUT.connect, remote.TIMEOUT.read) == (5.0, 20.0)


def test_characters_that_no_database_stores_are_left_out(model: Model, ask: Any) -> None:
    model.script = [completion("A\x00B\ud800C")]
    assert ask().json()["learner_progress"] == "ABC"


def test_the_reason_of_a_failure_is_logged_without_the_key(
    model: Model, ask: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model.script = [says({"error": "no such key"}, 401)]
    ask()
    assert "the answer was 401" in caplog.text
    assert "key-of-the-model" not in caplog.text


def test_the_texts_of_failures_name_neither_key_nor_answer() -> None:
    summarise = remote.RemoteSummariser("http://127.0.0.1:9/", api_key="key-of-the-model")
    with pytest.raises(SummariserFailed) as failure:
        summarise(Question(PROGRESS, {}, "prompt"))
    assert "key-of-the-model" not in str(failure.value)


def test_uuids_in_the_body_are_not_compared_with_the_path(ask: Any) -> None:
    assert ask(progress={"enterprise_customer_uuid": str(uuid.uuid4())}).status_code == 200
