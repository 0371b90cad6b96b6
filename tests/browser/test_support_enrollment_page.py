"""Enrolling learners and changing modes, as an agent does it in a browser (contract: support, /support/enrollment/)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from enrollments.models import CourseEnrollment, ManualEnrollmentAudit, User
from tests.browser.conftest import Browsing
from tests.browser.desk import Drive, desk, look_at, tab_to
from tests.factories import CourseModeFactory, CourseRunFactory, UserFactory
from tests.support.agents import agent
from tests.support.scenes import enrolled

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BIOLOGY, HISTORY = "course-v1:OakU+BIO1+2024", "course-v1:OakU+HIS1+2024"


@pytest.fixture
def sue() -> User:
    return agent(username="sue", email="sue@desk.example")


@pytest.fixture
def mira() -> User:
    account: User = UserFactory(username="mira", email="mira+oak@oak.example")
    return account


@pytest.fixture(autouse=True)
def runs(mira: User) -> None:
    run = CourseRunFactory(
        id=BIOLOGY, display_name="Biology One", modes=["audit"], start=datetime(2024, 1, 15, tzinfo=UTC)
    )
    CourseModeFactory(
        course_id=BIOLOGY, mode_slug="verified", min_price=99, expiration_datetime=datetime(2024, 5, 1, tzinfo=UTC)
    )
    CourseRunFactory(id=HISTORY, display_name="History", modes=["audit", "verified"])
    enrolled(run, mira)


@pytest.fixture
def at_desk(drive: Drive, browsing: Browsing, sue: User) -> Drive:
    return desk(drive, browsing, sue)


def test_a_learner_is_found_and_shown_without_a_new_page(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> tuple[list[str], list[str], str]:
        page.goto("/support/enrollment")
        look_at(page, "enrollment-start")
        page.evaluate("window.stays = true")
        page.get_by_label("User name or e-mail of a learner").fill("mira+oak@oak.example")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("heading", name="1 enrollment of mira").wait_for()
        assert page.evaluate("window.stays")
        assert page.locator("#spoken").inner_text() == "1 enrollment of mira"
        look_at(page, "enrollment")
        heads = page.locator("thead th").all_inner_texts()
        return heads, page.locator("tbody tr > *").all_inner_texts(), page.url

    heads, cells, address = at_desk(work)
    assert heads == [
        "Course ID", "Course start", "Course end", "Upgrade deadline", "Verification deadline", "Enrolled", "Mode",
        "Verified price", "Last reason", "Last changed by", "Active", "What to do",
    ]  # fmt: skip
    today = CourseEnrollment.objects.get().created.strftime("%Y-%m-%d")
    assert cells[0] == f"{BIOLOGY}\nBiology One"
    assert cells[1:11] == [
        "2024-01-15", "N/A", "2024-05-01", "N/A", today, "audit", "99", "N/A", "N/A", "yes",
    ]  # fmt: skip
    assert address.endswith("/support/enrollment?user=mira%2Boak%40oak.example")
    browsing.assert_clean()


def test_the_address_of_a_search_can_be_shared_and_gone_back_from(at_desk: Drive, browsing: Browsing) -> None:
    UserFactory(username="noah")

    def work(page: Any) -> None:
        page.goto("/support/enrollment?user=mira+oak@oak.example")  # as people write it: the plus stays one
        page.get_by_role("heading", name="1 enrollment of mira").wait_for()
        page.get_by_label("User name or e-mail of a learner").fill("noah")
        page.keyboard.press("Enter")
        page.get_by_text("noah is not enrolled in anything.").wait_for()
        look_at(page, "enrollment-empty")
        page.go_back()
        page.get_by_role("heading", name="1 enrollment of mira").wait_for()
        page.get_by_label("User name or e-mail of a learner").fill("nobody<b>")
        page.keyboard.press("Enter")
        page.get_by_role("strong").filter(has_text="Nobody is called “nobody<b>” here.").wait_for()
        look_at(page, "enrollment-nobody")

    at_desk(work)
    browsing.assert_clean()


def test_a_mode_is_changed_by_keyboard_alone(at_desk: Drive, browsing: Browsing, sue: User) -> None:
    def work(page: Any) -> list[str]:
        page.goto("/support/enrollment?user=mira")
        tab_to(page, "Change enrollment", "link")
        page.keyboard.press("Enter")
        page.get_by_role("dialog", name="Change the enrollment of mira").wait_for()
        look_at(page, "enrollment-change")
        page.locator("#new_mode:focus").wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.get_by_text("mira is verified in").wait_for()
        look_at(page, "enrollment-changed")
        return page.locator("tbody tr > *").all_inner_texts()

    cells = at_desk(work)
    assert cells[6] == "verified"
    assert cells[8] == "Upset Learner"
    assert cells[9].startswith("sue@desk.example")
    assert ManualEnrollmentAudit.objects.get().enrolled_by == sue
    browsing.assert_clean()


def test_escape_leaves_everything_as_it_was(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> None:
        page.goto("/support/enrollment?user=mira")
        for leave in (lambda: page.keyboard.press("Escape"), page.get_by_role("link", name="Cancel").click):
            page.get_by_role("link", name="Change enrollment").click()
            page.get_by_role("dialog").wait_for()
            leave()
            page.get_by_role("dialog").wait_for(state="hidden")

    at_desk(work)
    assert not ManualEnrollmentAudit.objects.exists()
    browsing.assert_clean()


def test_a_learner_is_enrolled_for_a_reason_in_own_words(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> None:
        page.goto("/support/enrollment?user=mira")
        page.get_by_role("link", name="Enroll in a run").click()
        page.get_by_role("dialog", name="Enroll mira").wait_for()
        page.get_by_label("Course ID").fill(HISTORY)
        page.get_by_label("Mode", exact=True).select_option("verified")
        page.get_by_label("Another reason:").check()
        page.get_by_label("Another reason", exact=True).fill("Won a competition")
        look_at(page, "enrollment-create")
        page.get_by_role("button", name="Enroll", exact=True).click()
        page.get_by_role("heading", name="2 enrollments of mira").wait_for()
        page.get_by_role("cell", name="Won a competition").wait_for()

    at_desk(work)
    assert CourseEnrollment.objects.get(course_id=HISTORY).mode == "verified"
    browsing.assert_clean()


def test_a_refusal_is_shown_in_the_dialog_and_keeps_what_was_typed(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> tuple[str, str]:
        page.goto("/support/enrollment?user=mira")
        page.get_by_role("link", name="Enroll in a run").click()
        page.get_by_label("Course ID").fill(HISTORY)
        page.get_by_label("Mode", exact=True).select_option("masters")
        page.get_by_label("Teaching Assistant").check()
        page.get_by_role("button", name="Enroll", exact=True).click()
        alert = page.get_by_role("dialog").get_by_role("alert")
        alert.wait_for()
        look_at(page, "enrollment-refused")
        return alert.inner_text(), page.get_by_label("Course ID").input_value()

    text, kept = at_desk(work)
    assert text == f"masters is not a valid mode for {HISTORY}. Possible valid modes are ['audit', 'verified']"
    assert kept == HISTORY
    assert CourseEnrollment.objects.count() == 1
    browsing.assert_clean()


def test_all_of_it_works_without_scripts(drive: Drive, browsing: Browsing, sue: User) -> None:
    run: Callable[..., Any] = desk(drive, browsing, sue, java_script_enabled=False)

    def work(page: Any) -> None:
        page.goto("/support/enrollment")
        page.get_by_label("User name or e-mail of a learner").fill("mira")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Change enrollment").click()
        page.get_by_label("New mode").select_option("verified")
        page.get_by_label("Financial Assistance").check()
        page.get_by_role("button", name="Change enrollment").click()
        page.get_by_text("mira is verified in").wait_for()
        page.get_by_role("cell", name="Financial Assistance").wait_for()

    run(work)
    assert CourseEnrollment.objects.get().mode == "verified"
    browsing.assert_clean()


def test_an_agent_whose_session_ended_is_sent_to_sign_in(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> str:
        page.goto("/support/enrollment?user=mira")
        page.context.clear_cookies()
        page.get_by_role("link", name="Change enrollment").click()
        page.get_by_label("Password").wait_for()
        return str(page.url)

    assert "/login?next=/support/change_enrollment" in at_desk(work)
    browsing.assert_clean()


def test_a_service_that_fails_is_not_taken_for_an_answer(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> None:
        page.goto("/support/enrollment?user=mira")
        page.route("**/change_enrollment?*", lambda route: route.fulfill(status=503, body="busy"))
        page.get_by_role("link", name="Change enrollment").click()
        page.get_by_text("The service did not answer as it should.").wait_for()
        look_at(page, "enrollment-trouble")

    at_desk(work)
