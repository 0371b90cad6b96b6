"""Linking students of programs and looking at them, as an agent does it in a browser (contract: support, section 3)."""

from __future__ import annotations

from typing import Any

import pytest

from enrollments.models import User
from program_enrollments.models import ProgramEnrollment
from tests.browser.conftest import Browsing
from tests.browser.desk import Drive, desk, look_at, tab_to
from tests.factories import CourseModeFactory, UserFactory
from tests.program_enrollments.scenes import program_of, runs
from tests.program_enrollments.students import identity, provider, student
from tests.support.agents import agent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def mira() -> User:
    account: User = UserFactory(username="mira", email="mira+oak@oak.example")
    return account


@pytest.fixture
def program() -> Any:
    (run,) = runs(1)
    CourseModeFactory(course_id=run.pk, mode_slug="masters")
    made = program_of(run, title="Master of Biology")
    student(made, "K-77", run)
    return made


@pytest.fixture
def at_desk(drive: Drive, browsing: Browsing) -> Drive:
    return desk(drive, browsing, agent(username="sue"))


@pytest.mark.parametrize("scripts", [True, False])
def test_pairs_are_linked_and_every_error_is_listed(
    drive: Drive, browsing: Browsing, program: Any, mira: User, scripts: bool
) -> None:
    def work(page: Any) -> tuple[str, str]:
        page.goto("/support/link_program_enrollments")
        if scripts:
            look_at(page, "link-start")
        page.get_by_label("Program UUID").fill(f" {program.pk} ")
        page.get_by_label("Pairs, one a line").fill("K-77,mira\nK-78,nobody<b>\nK-79,mira")
        page.get_by_label("I have checked the pairs.").check()
        page.get_by_role("button", name="Link", exact=True).click()
        page.get_by_role("heading", name="1 linkage succeeded, 2 errors").wait_for()
        if scripts:
            look_at(page, "link")
        return page.locator("#results").inner_text(), page.get_by_label("Pairs, one a line").input_value()

    shown, kept = desk(drive, browsing, agent(), java_script_enabled=scripts)(work)
    assert "('K-77', 'mira')" in shown
    assert "No user found with username nobody<b>" in shown
    assert f"No program enrollment found for program uuid={program.pk} and external student key=K-79" in shown
    assert kept == "K-77,mira\nK-78,nobody<b>\nK-79,mira"
    assert ProgramEnrollment.objects.get().user == mira
    browsing.assert_clean()


def test_nothing_is_linked_before_the_pairs_are_confirmed(
    at_desk: Drive, browsing: Browsing, program: Any, mira: User
) -> None:
    def work(page: Any) -> None:
        page.goto("/support/link_program_enrollments")
        page.get_by_label("Program UUID").fill(str(program.pk))
        page.get_by_label("Pairs, one a line").fill("K-77,mira")
        tab_to(page, "Link")
        page.keyboard.press("Enter")
        page.locator("input[type=checkbox]:focus").wait_for()  # the browser points at what is missing
        page.keyboard.press("Space")
        tab_to(page, "Link")
        assert not sent
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="1 linkage succeeded, 0 errors").wait_for()

    sent: list[str] = []
    at_desk(work)
    browsing.assert_clean()


def test_a_learner_is_inspected(at_desk: Drive, browsing: Browsing, program: Any, mira: User) -> None:
    ProgramEnrollment.objects.update(user=mira)
    identity(mira, "oak-idp:K-77")

    def work(page: Any) -> dict[str, str]:
        page.goto("/support/program_enrollments_inspector")
        assert page.get_by_role("alert").count() == 0
        look_at(page, "inspector-start")
        page.get_by_label("User name or e-mail of a learner").fill("mira+oak@oak.example")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("heading", name="Master of Biology").wait_for()
        look_at(page, "inspector")
        names = ("Account", "ID verification", "Master of Biology")
        return {name: page.get_by_role("region", name=name, exact=True).inner_text() for name in names}

    shown = at_desk(work)
    assert "oak-idp:K-77" in shown["Account"]
    assert "none" in shown["ID verification"]
    assert "K-77" in shown["Master of Biology"]
    assert "waits for an account" in shown["Master of Biology"]
    browsing.assert_clean()


def test_a_key_is_inspected_by_institution_and_both_at_once_are_warned_of(
    at_desk: Drive, browsing: Browsing, program: Any, mira: User
) -> None:
    for slug, organization in (("oak-idp", "OakU"), ("elm-idp", "ElmU"), ("elm-two", "ElmU")):
        provider(slug, organization)

    def work(page: Any) -> list[str]:
        page.goto("/support/program_enrollments_inspector")
        page.get_by_label("and external key").fill("k-77")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("alert").filter(has_text="To perform a search").wait_for()
        look_at(page, "inspector-refused")
        page.get_by_label("or institution").select_option("OakU")
        page.get_by_role("button", name="Search").click()
        page.get_by_text("No account signs in with this key.").wait_for()
        look_at(page, "inspector-key")
        warning = page.get_by_text("Both a learner and an external key are given")
        assert not warning.is_visible()
        page.get_by_label("User name or e-mail of a learner").fill("mira")
        warning.wait_for()
        page.get_by_role("button", name="Search").click()
        page.get_by_text("No SSO record is there.").wait_for()
        page.get_by_text("There is no program enrollment.").wait_for()
        page.goto("/support/program_enrollments_inspector?edx_user=nobody")
        page.get_by_role("alert").filter(has_text="Could not find edx account with nobody").wait_for()
        return list(page.locator("#org_key option").all_inner_texts())

    assert at_desk(work) == ["–", "ElmU", "OakU"]
    browsing.assert_clean()
