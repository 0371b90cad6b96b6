"""Requests for coupon codes over HTTP (contract: enterprise-customers 4.10)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.core import mail

from enrollments.models import OutboxMessage
from tests.enterprise.callers import CALLERS, caller
from tests.factories import EnterpriseCustomerFactory, customer_admin

pytestmark = pytest.mark.django_db

PATH = "/enterprise/api/v1/request_codes"
SENT = {"email": "ada@globex.example", "enterprise_name": "Globex", "number_of_codes": "12", "notes": "Soon, please."}


@pytest.fixture
def post(as_user, django_capture_on_commit_callbacks):
    """Sends a request as an admin, and lets the mail go out."""
    client = as_user(customer_admin(EnterpriseCustomerFactory()))

    def send(sent: Any = None, path: str = PATH, **options: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(path, sent, **options)

    return send


def html_of(message: Any) -> str:
    ((text, kind),) = message.alternatives
    assert kind == "text/html"
    return str(text)


def test_one_mail_goes_to_the_customer_success_team(post, settings):
    settings.ENTERPRISE_CUSTOMER_SUCCESS_EMAIL = "success@matricula.example"
    settings.ENTERPRISE_INTEGRATIONS_EMAIL = "integrations@matricula.example"
    answer = post(SENT)
    assert (answer.status_code, answer.json()) == (200, SENT)
    (message,) = mail.outbox
    assert message.to == ["success@matricula.example"]
    assert message.from_email == "integrations@matricula.example"
    assert "Globex" in message.subject
    for text in (message.body, html_of(message)):
        for value in SENT.values():
            assert value in text


def test_by_default_it_goes_to_the_contact_address(settings):
    assert settings.ENTERPRISE_CUSTOMER_SUCCESS_EMAIL == settings.CONTACT_EMAIL
    assert settings.ENTERPRISE_INTEGRATIONS_EMAIL == settings.DEFAULT_FROM_EMAIL


def test_number_and_notes_may_be_left_out(post):
    answer = post({"email": "ada@globex.example", "enterprise_name": "Globex"})
    assert answer.json() == {
        "email": "ada@globex.example",
        "enterprise_name": "Globex",
        "number_of_codes": "",
        "notes": "",
    }
    (message,) = mail.outbox
    for text in (message.body, html_of(message)):
        assert "Number of codes" not in text
        assert "Notes" not in text


@pytest.mark.parametrize(
    "more",
    [
        {"number_of_codes": None, "notes": None},
        {"number_of_codes": 5, "notes": "x"},
        {"number_of_codes": 0, "notes": ""},
        {"number_of_codes": "  7 ", "notes": "  two\n lines "},
        {"number_of_codes": 2.5},
    ],
)
def test_values_come_back_exactly_as_received(post, more):
    sent = {"email": " no address ", "enterprise_name": "Nowhere & <Co>", **more}
    answer = post(sent)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in sent} == sent
    number, (message,) = more["number_of_codes"], mail.outbox
    assert ("Number of codes: " in message.body) == (number is not None)
    if number is not None:
        assert f"Number of codes: {number}" in message.body


@pytest.mark.parametrize(
    ("sent", "missing"),
    [
        ({}, "email, enterprise_name"),
        ({"enterprise_name": "Globex"}, "email"),
        ({"email": "ada@globex.example"}, "enterprise_name"),
        ({"email": "", "enterprise_name": None}, "email, enterprise_name"),
        ([], "email, enterprise_name"),
        ("text", "email, enterprise_name"),
    ],
)
def test_what_is_missing_is_named(post, sent, missing):
    answer = post(sent)
    assert answer.status_code == 400
    assert answer.json() == {"error": f"Some required parameter(s) missing: {missing}"}
    assert not OutboxMessage.objects.exists()


def test_the_query_serves_where_the_body_says_nothing(post):
    answer = post({"email": "body@globex.example"}, f"{PATH}?{urlencode({**SENT, 'email': 'query@globex.example'})}")
    assert answer.json() == {**SENT, "email": "body@globex.example"}
    assert post(None, f"{PATH}?{urlencode(SENT)}").json() == SENT


def test_forms_are_read_too(post):
    for form in ("multipart",):
        assert post(SENT, format=form).json() == SENT
    answer = post({**SENT, "email": ""}, format="multipart")
    assert answer.json() == {"error": "Some required parameter(s) missing: email"}
    answer = post(urlencode(SENT), content_type="application/x-www-form-urlencoded")
    assert answer.json() == SENT


@pytest.mark.parametrize("name", list(SENT))
@pytest.mark.parametrize("value", [["x"], {"a": 1}])
def test_lists_and_objects_are_refused(post, name, value):
    answer = post({**SENT, name: value})
    assert (answer.status_code, answer.json()) == (400, {name: ["Not a valid string."]})


def test_endless_texts_are_refused(post):
    answer = post({**SENT, "notes": "x" * 20_001})
    assert answer.json() == {"notes": ["Ensure this field has no more than 20000 characters."]}
    assert not mail.outbox


def test_names_and_addresses_cannot_add_headers_or_markup(post):
    evil = "Globex\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>" + "x" * 500
    answer = post({"email": "a@b.example\nCc: victim@example.org", "enterprise_name": evil, "notes": "<b>&</b>"})
    assert answer.json()["enterprise_name"] == evil
    (message,) = mail.outbox
    raw = message.message()
    assert raw["Bcc"] is None
    assert raw["Cc"] is None
    assert message.recipients() == message.to
    assert len(message.subject) <= 200
    assert "\n" not in message.subject
    assert "<script>" not in html_of(message)
    assert "<b>" not in html_of(message)
    assert "<b>&</b>" in message.body


def test_a_mail_server_that_fails_does_not_change_the_answer(post, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert post(SENT).status_code == 200
    message = OutboxMessage.objects.get()
    assert (message.state, message.attempts) == (OutboxMessage.State.FAILED, 1)


def test_asking_twice_is_two_requests(post):
    post(SENT)
    post(SENT)
    assert len(mail.outbox) == 2


@pytest.mark.parametrize("name", CALLERS)
def test_who_may_ask(as_user, client, name):
    account = caller(name, EnterpriseCustomerFactory(), EnterpriseCustomerFactory())
    for sent, allowed in ((SENT, 200), ({}, 400)):  # the role is checked before the parameters
        answer = (client if account is None else as_user(account)).post(PATH, sent)
        if name == "anonymous":
            assert answer.status_code == 401
        elif name in ("admin", "foreign admin", "operator", "superuser"):
            assert answer.status_code == allowed
        else:
            assert (answer.status_code, answer.json()) == (
                403,
                {"detail": "Missing: enterprise.can_access_admin_dashboard"},
            )


def test_only_post_is_served_and_no_slash_too_many(post, as_user):
    boss = as_user(customer_admin(EnterpriseCustomerFactory()))
    assert boss.get(PATH).status_code == 405
    assert post(SENT, f"{PATH}/").status_code == 404


def test_the_calls_count_for_the_user_rate(post, settings):
    settings.USER_RATE = "2/minute"
    assert [post(SENT).status_code for _ in range(3)] == [200, 200, 429]
