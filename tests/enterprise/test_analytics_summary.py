"""`POST analytics-summary/{customer}`: the learning figures of a customer in words, kept by prompt."""

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
from rest_framework.response import Response
from rest_framework.test import APIClient

from enterprise.models import ChatGPTResponse, EnterpriseCustomer
from enterprise.services import analytics_summary
from enterprise.summarisers import Question, SummariserFailed, remote
from enterprise.summarisers.prompts import ENGAGEMENT, PROGRESS, question, signed, whole_percents
from tests.factories import (
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}
ELSEWHERE = "99999999-0000-4000-8000-000000000009"

PROGRESS_FIGURES: dict[str, Any] = {
    "enterprise_customer_uuid": ELSEWHERE,
    "enterprise_customer_name": "Acme",
    "active_subscription_plan": True,
    "assigned_licenses": 40,
    "activated_licenses": 30,
    "assigned_licenses_percentage": 0.8,
    "activated_licenses_percentage": 0.75,
    "active_enrollments": 50,
    "at_risk_enrollment_less_than_one_hour": 5,
    "at_risk_enrollment_end_date_soon": 10,
    "at_risk_enrollment_dormant": 1,
}
ENGAGEMENT_FIGURES: dict[str, Any] = {
    "enterprise_customer_uuid": ELSEWHERE,
    "enterprise_customer_name": "Acme",
    "enrolls": 15,
    "enrolls_prior": 10,
    "passed": 3,
    "passed_prior": 4,
    "engage": 8,
    "engage_prior": 8,
    "hours": 120,
    "hours_prior": 60,
    "active_contract": True,
}


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="beta")


@pytest.fixture
def ask(boss: APIClient, customer: EnterpriseCustomer) -> Callable[..., Response]:
    """Asks with complete figures, changed by `progress` and `engagement`."""

    def send(progress: Any = None, engagement: Any = None, of: Any = None, client: APIClient = boss) -> Response:
        body = {
            "learner_progress": {**PROGRESS_FIGURES, **(progress or {})},
            "learner_engagement": {**ENGAGEMENT_FIGURES, **(engagement or {})},
        }
        return client.post(path_of(of or customer.pk), body)

    return send


def path_of(customer: object) -> str:
    return f"/enterprise/api/v1/analytics-summary/{customer}"


# --- Who may ask ----------------------------------------------------------------------------------------------------


def test_anonymous_callers_are_told_to_sign_in_before_anything_else(client: APIClient, ask: Any) -> None:
    answer = client.post(path_of("nonsense"), {})
    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": "Authentication credentials were not provided."},
    )


def test_others_than_the_admins_of_the_customer_are_refused(
    ask: Any, as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer
) -> None:
    learner = UserFactory()
    LearnerFactory(enterprise_customer=customer, user=learner)
    callers = [learner, customer_admin(other), UserFactory(staff=True), UserFactory()]
    for caller in callers:
        answer = ask(client=as_user(caller))
        assert (answer.status_code, answer.json()) == (403, MISSING)
    assert not ChatGPTResponse.objects.exists()


def test_admins_operators_superusers_and_holders_of_the_database_role_may(
    ask: Any, as_user: Any, by_session: Any, customer: EnterpriseCustomer
) -> None:
    in_database = UserFactory()
    LearnerFactory(enterprise_customer=customer, user=in_database)
    FeatureRoleAssignmentFactory(user=in_database, role="dashboard_admin")
    clients = [
        as_user(customer_admin(customer)),
        as_user(operator()),
        as_user(UserFactory(superuser=True)),
        by_session(in_database),
    ]
    assert [ask(client=each).status_code for each in clients] == [200, 200, 200, 200]


def test_an_unknown_customer_is_forbidden_to_its_admins_and_missing_for_operators(ask: Any, as_user: Any) -> None:
    everywhere = as_user(operator())
    for wrong, missing in ((ELSEWHERE, NO_CUSTOMER), ("nonsense", {"detail": "Not found."})):
        assert ask(of=wrong).status_code == 403
        answer = ask(of=wrong, client=everywhere)
        assert (answer.status_code, answer.json()) == (404, missing)


def test_the_customer_is_looked_up_before_the_body_is_read(as_user: Any) -> None:
    assert as_user(operator()).post(path_of(ELSEWHERE), {}).status_code == 404


def test_a_customer_that_is_not_active_is_found(ask: Any, as_user: Any) -> None:
    asleep = EnterpriseCustomerFactory(active=False)
    assert ask(of=asleep.pk, client=as_user(operator())).status_code == 200


def test_no_rate_limits_the_callers(ask: Any, settings: Any) -> None:
    settings.USER_RATE = "1/minute"
    assert [ask().status_code, ask().status_code] == [200, 200]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_only_post_is_served(boss: APIClient, customer: EnterpriseCustomer, method: str) -> None:
    answer = getattr(boss, method)(path_of(customer.pk))
    assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})


def test_the_path_has_no_slash_at_its_end(boss: APIClient, customer: EnterpriseCustomer) -> None:
    assert boss.post(f"{path_of(customer.pk)}/", {}).status_code == 404


# --- The body -------------------------------------------------------------------------------------------------------


def test_both_parts_are_needed(boss: APIClient, customer: EnterpriseCustomer) -> None:
    answer = boss.post(path_of(customer.pk), {})
    needed = ["This field is required."]
    assert answer.status_code == 400
    assert answer.json() == {"errors": {"learner_progress": needed, "learner_engagement": needed}}


@pytest.mark.parametrize(
    ("part", "field"),
    [("learner_progress", field) for field in PROGRESS_FIGURES]
    + [("learner_engagement", field) for field in ENGAGEMENT_FIGURES],
)
def test_every_member_is_needed(boss: APIClient, customer: EnterpriseCustomer, part: str, field: str) -> None:
    body = {"learner_progress": dict(PROGRESS_FIGURES), "learner_engagement": dict(ENGAGEMENT_FIGURES)}
    del body[part][field]
    answer = boss.post(path_of(customer.pk), body)
    assert (answer.status_code, answer.json()) == (
        400,
        {"errors": {part: {field: ["This field is required."]}}},
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("enterprise_customer_uuid", "zz", "Must be a valid UUID."),
        ("enterprise_customer_name", "", "This field may not be blank."),
        ("enterprise_customer_name", "x" * 256, "Ensure this field has no more than 255 characters."),
        ("active_subscription_plan", "perhaps", "Must be a valid boolean."),
        ("assigned_licenses", 1.5, "A valid integer is required."),
        ("assigned_licenses", True, "A valid integer is required."),
        ("assigned_licenses", None, "This field may not be null."),
        ("assigned_licenses_percentage", "many", "A valid number is required."),
        ("assigned_licenses_percentage", "nan", "A valid number is required."),
        ("assigned_licenses_percentage", "1e999", "A valid number is required."),
        ("active_enrollments", [], "A valid integer is required."),
    ],
)
def test_a_member_of_the_wrong_kind_is_named(ask: Any, field: str, value: Any, message: str) -> None:
    answer = ask(progress={field: value})
    assert (answer.status_code, answer.json()) == (400, {"errors": {"learner_progress": {field: [message]}}})
    assert not ChatGPTResponse.objects.exists()


@pytest.mark.parametrize("body", [[], "text", 7, None, {"learner_progress": [], "learner_engagement": "x"}])
def test_a_body_of_another_shape_is_refused_in_the_same_way(
    boss: APIClient, customer: EnterpriseCustomer, body: Any
) -> None:
    answer = boss.post(path_of(customer.pk), json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()) == ["errors"]


def test_malformed_json_is_refused(boss: APIClient, customer: EnterpriseCustomer) -> None:
    answer = boss.post(path_of(customer.pk), "{", content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error")


def test_figures_of_any_size_and_sign_get_a_text(ask: Any) -> None:
    huge = {name: 10**90 for name in PROGRESS_FIGURES if name.startswith(("assigned", "activated", "active_e", "at_"))}
    assert ask({**huge, "assigned_licenses_percentage": 1e300, "activated_licenses_percentage": -1}).status_code == 200
    negative = {name: -5 for name in ENGAGEMENT_FIGURES if name.startswith(("enrolls", "passed", "engage", "hours"))}
    assert ask(engagement=negative).status_code == 200
    assert ask(engagement={**negative, "enrolls": 10**90, "passed": -(10**90), "enrolls_prior": 1}).status_code == 200


# --- What the local texts say ---------------------------------------------------------------------------------------


def test_the_texts_say_what_the_figures_say(ask: Any) -> None:
    assert ask().json() == {
        "learner_progress": (
            "Acme has assigned 40 licenses (80%), of which 30 are activated (75%). "
            "10 licenses still wait to be activated. "
            "There are 50 active enrollments, some of them at risk: 5 with less than one hour of study (10%), "
            "10 in a course that ends soon (20%) and 1 without recent activity (2%). "
            "The group in a course that ends soon deserves attention first: a reminder of the end date helps most."
        ),
        "learner_engagement": (
            "Engagement at Acme is mixed: 2 of 4 measures grew and 1 declined. "
            "Enrollments rose by 50% from 10 to 15 (+5). "
            "Passed courses fell by 25% from 4 to 3 (-1). "
            "Active learners stayed at 8. "
            "Hours of study rose by 100% from 60 to 120 (+60). "
            "For every 100 enrollments, 20 courses were passed."
        ),
    }


@pytest.mark.parametrize(
    ("figures", "said", "unsaid"),
    [
        ({"active_subscription_plan": False}, "Acme has no active subscription plan at present.", "license"),
        ({"assigned_licenses": 0}, "Assigning licenses is the first step to take.", "activated it"),
        ({"activated_licenses": 40}, "Every learner with a license has activated it.", "wait"),
        ({"activated_licenses": 3}, "37 learners should be reminded to activate the license.", "still wait"),
        ({"activated_licenses": 39}, "1 license still waits to be activated.", "licenses still"),
        ({"active_enrollments": 0}, "No learner is enrolled in a course at the moment.", "at risk"),
        ({"at_risk_enrollment_dormant": 30}, "The group without recent activity needs attention now", "first"),
        (
            {f"at_risk_enrollment_{kind}": 0 for kind in ("less_than_one_hour", "end_date_soon", "dormant")},
            "There are 50 active enrollments, and none of them is at risk.",
            "attention",
        ),
    ],
)
def test_the_progress_text_follows_the_figures(ask: Any, figures: Any, said: str, unsaid: str) -> None:
    text = ask(progress=figures).json()["learner_progress"]
    assert said in text
    assert unsaid not in text


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"active_contract": False}, "Acme has no active contract at present."),
        ({"passed": 4}, "Engagement at Acme has grown against the period before."),
        ({"enrolls": 9, "hours": 10}, "Engagement at Acme has declined against the period before."),
        ({"enrolls": 10, "passed": 4, "hours": 60}, "Engagement at Acme is the same as in the period before."),
        ({"enrolls_prior": 0}, "Enrollments rose from 0 to 15 (+15)."),
        ({"enrolls": 0}, "Nobody enrolled in this period."),
        (
            dict.fromkeys([name for name in ENGAGEMENT_FIGURES if name.startswith(("enr", "pas", "eng", "hou"))], 0),
            "Nothing has happened at Acme in this period or the one before.",
        ),
    ],
)
def test_the_engagement_text_follows_the_figures(ask: Any, figures: Any, said: str) -> None:
    assert said in ask(engagement=figures).json()["learner_engagement"]


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
