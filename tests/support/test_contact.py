"""The contact form and the tickets that it sends (contract: support, /support/contact_us/)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from rest_framework.test import APIClient

from enrollments.models import User
from enrollments.services.retirement import retire
from support.models import ContactTicket
from tests.factories import ContactTicketFactory, CourseRunFactory, LearnerFactory, UserFactory
from tests.support.agents import ANONYMOUS, signed_in
from tests.support.scenes import enrolled

pytestmark = pytest.mark.django_db

PAGE, TICKETS = "/support/contact_us/", "/zendesk_proxy/v1"
SENT: dict[str, Any] = {
    "subject": "Certificates",
    "comment": {"body": "Mine is <late>."},
    "tags": ["LMS"],
    "requester": {"email": "somebody@else.example", "name": "Somebody Else"},
    "custom_fields": [{"id": "course_id", "value": "course-v1:OakU+BIO1+2024"}],
}


@pytest.fixture(autouse=True)
def ticket_system(settings: Any) -> Any:
    settings.ZENDESK_URL = "https://tickets.example"
    settings.CONTACT_EMAIL = "help@matricula.example"
    settings.SITE_NAME = "learn.oak.example"
    return settings


@pytest.fixture
def post(mira: User, as_user: Any, django_capture_on_commit_callbacks: Any) -> Any:
    """Sends a ticket as mira, and lets the mail go out."""
    client = as_user(mira)

    def send(sent: Any, path: str = TICKETS, **options: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(path, sent, **{"format": "json", **options})

    return send


# --- The page -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "target"), [(None, "/"), ("#", "/"), ("https://help.example/", "https://help.example/")]
)
def test_without_a_ticket_system_the_page_leads_to_the_contact_page(
    client: APIClient, ticket_system: Any, page: str | None, target: str
) -> None:
    ticket_system.ZENDESK_URL, ticket_system.CONTACT_PAGE_URL = "", page
    ticket_system.CONTACT_US_PAGE = False  # it does not matter then
    answer = client.get(PAGE)
    assert (answer.status_code, answer["Location"]) == (302, target)


def test_the_page_can_be_switched_off(client: APIClient, ticket_system: Any, mira: User) -> None:
    ticket_system.CONTACT_US_PAGE = False
    assert client.get(PAGE).status_code == 404
    assert signed_in(mira).post("/support/contact_ticket").status_code == 404


@pytest.mark.parametrize("address", [PAGE, PAGE.rstrip("/")])
def test_everybody_sees_the_page_and_other_methods_are_refused(client: APIClient, address: str) -> None:
    page = client.get(address)
    assert page.status_code == 200
    content = page.content.decode()
    assert "help@matricula.example" in content
    assert "Contact Matricula" in content
    assert 'href="/login?next=/support/contact_us' in content
    assert "<form" not in content
    for method in ("post", "put", "patch", "delete"):
        assert getattr(Client(enforce_csrf_checks=True), method)(address).status_code == 405


def test_a_learner_chooses_among_active_enrollments(mira: User, ticket_system: Any) -> None:
    ticket_system.ZENDESK_CUSTOM_FIELDS = {"course_id": 4711}
    enrolled(CourseRunFactory(id="course-v1:OakU+BIO1+2024", display_name="Biology <One>"), mira)
    enrolled(CourseRunFactory(id="course-v1:OakU+HIS1+2024"), mira, is_active=False)
    client = signed_in(mira)
    content = client.get(PAGE).content.decode()
    assert '<option value="course-v1:OakU+BIO1+2024">Biology &lt;One&gt;</option>' in content
    assert "HIS1" not in content
    assert 'data-course-field="4711"' in content
    assert 'data-custom-field="course_id" value="4711"' in content
    session = client.session
    session["course_id"] = "course-v1:OakU+BIO1+2024"
    session.save()
    assert '<option value="course-v1:OakU+BIO1+2024" selected>' in client.get(PAGE).content.decode()


def test_tags_name_the_site_and_once_the_learner_of_customers(mira: User, ticket_system: Any) -> None:
    client = signed_in(mira)
    assert 'data-tags="LMS,site_name_learn_oak_example"' in client.get(PAGE).content.decode()
    LearnerFactory(user=mira, linked=False)
    assert "enterprise_learner" not in client.get(PAGE).content.decode()
    LearnerFactory(user=mira)
    LearnerFactory(user=mira)
    ticket_system.SITE_NAME = ""
    assert 'data-tags="LMS,enterprise_learner"' in client.get(PAGE).content.decode()


# --- Tickets --------------------------------------------------------------------------------------


def test_a_ticket_is_kept_and_mailed_in_the_name_of_who_is_signed_in(post: Any, mira: User) -> None:
    answer = post(SENT)
    ticket = ContactTicket.objects.get()
    assert (answer.status_code, answer.json()) == (201, {"id": ticket.pk})
    assert (ticket.requester, ticket.requester_email, ticket.requester_name) == (mira, "mira@oak.example", "Mira")
    (message,) = mail.outbox
    assert (message.to, message.reply_to) == (["help@matricula.example"], ["mira@oak.example"])
    assert message.subject == f"Ticket {ticket.pk}: Certificates"
    ((html, _),) = message.alternatives
    for text in (message.body, html):
        assert "course-v1:OakU+BIO1+2024" in text
        assert "LMS" in text
        assert "else.example" not in text
    assert "Mine is <late>." in message.body
    assert "Mine is &lt;late&gt;." in html


def test_a_session_needs_a_csrf_token_and_anonymous_callers_are_refused(mira: User, client: APIClient) -> None:
    assert client.post(TICKETS, SENT, format="json").status_code == 401
    assert client.post(TICKETS, SENT, format="json").json() == ANONYMOUS
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(mira)
    refused = browser.post(TICKETS, SENT, format="json")
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("CSRF Failed")
    browser.get(PAGE)
    token = browser.cookies["csrftoken"].value
    assert browser.post(TICKETS, SENT, format="json", HTTP_X_CSRFTOKEN=token).status_code == 201


@pytest.mark.parametrize("key", ["subject", "comment", "tags"])
def test_a_missing_key_is_a_400(post: Any, key: str) -> None:
    assert post({name: value for name, value in SENT.items() if name != key}).status_code == 400
    assert post({**SENT, key: None}).status_code == 400
    assert not ContactTicket.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"subject": ""}, {"subject": "x" * 256}, {"subject": []}, {"subject": "a\0b"}, {"comment": "text"},
        {"comment": {}}, {"comment": {"body": "x" * 20_001}}, {"tags": "LMS"}, {"tags": [{}]}, {"tags": ["x"] * 51},
        {"custom_fields": [1]}, {"custom_fields": {"id": 1}}, {"custom_fields": [{"id": 1}]},
    ],
)  # fmt: skip
def test_values_that_are_none_are_a_400(post: Any, change: dict[str, Any]) -> None:
    assert post({**SENT, **change}).status_code == 400
    assert not ContactTicket.objects.exists()


@pytest.mark.parametrize("body", ["[]", "7", "null", '"x"', "{"])
def test_a_body_that_is_no_object_is_a_400(post: Any, body: str) -> None:
    assert post(body, format=None, content_type="application/json").status_code == 400


def test_without_requester_and_custom_fields_a_ticket_is_complete(post: Any) -> None:
    assert post({name: SENT[name] for name in ("subject", "comment", "tags")}).status_code == 201


def test_fifty_an_hour_are_taken_of_one_account(post: Any, as_user: Any, ticket_system: Any) -> None:
    assert ticket_system.TICKET_RATE == "50/hour"
    ticket_system.TICKET_RATE = "2/hour"
    assert [post(SENT).status_code for _ in range(3)] == [201, 201, 429]
    assert as_user(UserFactory()).post(TICKETS, SENT, format="json").status_code == 201
    assert ContactTicket.objects.count() == 3


def test_tickets_of_a_retired_account_are_forgotten(post: Any, mira: User) -> None:
    other = ContactTicketFactory()
    post(SENT)
    retire(mira)
    assert ContactTicket.objects.get() == other


# --- The form without scripts ---------------------------------------------------------------------

FORM = {"subject": "Certificates", "course": "Not specific to a course", "details": "Mine is late."}


def test_the_form_itself_opens_a_ticket_and_says_so(mira: User) -> None:
    client = signed_in(mira)
    answer = client.post("/support/contact_ticket", FORM)
    assert (answer.status_code, answer["Location"]) == (303, "/support/contact_us?sent")
    ticket = ContactTicket.objects.get()
    assert (ticket.subject, ticket.body, ticket.tags[0]) == ("Certificates", "Mine is late.", "LMS")
    assert ticket.custom_fields == [{"id": "course_id", "value": "Not specific to a course"}]


@pytest.mark.parametrize("name", list(FORM))
def test_all_three_fields_of_the_form_are_required(mira: User, name: str) -> None:
    answer = signed_in(mira).post("/support/contact_ticket", {**FORM, name: " "})
    assert answer.status_code == 400
    assert "Choose a subject and a course" in answer.content.decode()
    assert not ContactTicket.objects.exists()


def test_a_line_break_of_the_form_counts_once_as_the_browser_counts_it(mira: User) -> None:
    lines = "x\r\n" * 9_999 + "xx"
    assert signed_in(mira).post("/support/contact_ticket", {**FORM, "details": lines}).status_code == 303
    assert ContactTicket.objects.get().body == "x\n" * 9_999 + "xx"


@pytest.mark.parametrize(("name", "longest"), [("subject", 255), ("course", 255), ("details", 20_000)])
def test_a_field_of_the_form_that_is_too_long_is_said_to_be(mira: User, name: str, longest: int) -> None:
    client = signed_in(mira)
    answer = client.post("/support/contact_ticket", {**FORM, name: "x" * (longest + 1)})
    assert answer.status_code == 400
    assert "One of the fields is too long" in answer.content.decode()
    assert not ContactTicket.objects.exists()
    assert client.post("/support/contact_ticket", {**FORM, name: "x" * longest}).status_code == 303


def test_the_form_is_throttled_too_and_needs_a_session_and_a_token(mira: User, ticket_system: Any) -> None:
    ticket_system.TICKET_RATE = "1/hour"
    client = signed_in(mira)
    assert [client.post("/support/contact_ticket", FORM).status_code for _ in range(2)] == [303, 429]
    assert Client().post("/support/contact_ticket", FORM)["Location"] == "/login?next=/support/contact_us"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(mira)
    assert strict.post("/support/contact_ticket", FORM).status_code == 403
    assert client.get("/support/contact_ticket").status_code == 405
