"""The contact form in a browser (contract: support, /support/contact_us/)."""

from __future__ import annotations

from typing import Any

import pytest

from enrollments.models import User
from support.models import ContactTicket
from tests.browser.conftest import Browsing
from tests.browser.desk import Drive, desk, look_at
from tests.factories import CourseRunFactory, UserFactory
from tests.support.scenes import enrolled

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BIOLOGY = "course-v1:OakU+BIO1+2024"


@pytest.fixture(autouse=True)
def ticket_system(settings: Any) -> None:
    settings.ZENDESK_URL = "https://tickets.example"


@pytest.fixture
def mira() -> User:
    account: User = UserFactory(username="mira")
    enrolled(CourseRunFactory(id=BIOLOGY, display_name="Biology One"), account)
    return account


@pytest.mark.parametrize("scripts", [True, False])
def test_a_learner_sends_a_message(drive: Drive, browsing: Browsing, mira: User, scripts: bool) -> None:
    def work(page: Any) -> None:
        page.goto("/support/contact_us")
        page.get_by_label("Subject").select_option("Certificates")
        page.get_by_label("Course").select_option("Biology One")
        page.get_by_label("Details").fill("Mine is late.")
        if scripts:
            look_at(page, "contact")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("Your message has been sent.").wait_for()
        if scripts:
            look_at(page, "contact-sent")
        assert page.get_by_label("Details").input_value() == ""

    desk(drive, browsing, mira, java_script_enabled=scripts)(work)
    ticket = ContactTicket.objects.get()
    assert (ticket.requester, ticket.subject, ticket.body) == (mira, "Certificates", "Mine is late.")
    assert ticket.custom_fields == [{"id": "course_id", "value": BIOLOGY}]
    assert ticket.tags[0] == "LMS"
    browsing.assert_clean()


def test_a_message_too_many_is_refused_and_kept_in_the_form(
    drive: Drive, browsing: Browsing, mira: User, settings: Any
) -> None:
    settings.TICKET_RATE = "0/hour"

    def work(page: Any) -> str:
        page.goto("/support/contact_us")
        page.get_by_label("Subject").select_option("Certificates")
        page.get_by_label("Course").select_option("Not specific to a course")
        page.get_by_label("Details").fill("Mine is late.")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("You have sent many messages within an hour.").wait_for()
        look_at(page, "contact-refused")
        return str(page.get_by_label("Details").input_value())

    assert desk(drive, browsing, mira)(work) == "Mine is late."
    assert not ContactTicket.objects.exists()


def test_a_visitor_is_led_to_sign_in_and_back(drive: Drive, browsing: Browsing, mira: User) -> None:
    def work(page: Any) -> None:
        page.goto("/support/contact_us")
        look_at(page, "contact-visitor")
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("User name or e-mail").fill("mira")
        page.get_by_label("Password").fill("Correct-Horse-7")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("You write as mira").wait_for()

    drive(work)
    browsing.assert_clean()
