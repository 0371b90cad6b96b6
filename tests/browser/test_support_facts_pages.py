"""Pages that only show facts: feature-based enrollment, SSO records, onboarding (contract: support, section 3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from enrollments.models import User, UserSocialAuth
from support.models import ContentTypeGatingConfig, OnboardingStatus
from tests.browser.conftest import Browsing
from tests.browser.desk import Drive, desk, look_at
from tests.factories import CourseEnrollmentFactory, CourseRunFactory, UserFactory
from tests.support.agents import agent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BIOLOGY = "course-v1:OakU+BIO1+2024"


@pytest.fixture(autouse=True)
def mira() -> User:
    CourseRunFactory(id=BIOLOGY, org="OakU", display_name="Biology One", modes=["audit", "verified"])
    account: User = UserFactory(username="mira")
    return account


@pytest.fixture
def at_desk(drive: Drive, browsing: Browsing) -> Drive:
    return desk(drive, browsing, agent(username="sue"))


def test_feature_based_enrollment_shows_one_row_or_says_nothing_was_found(at_desk: Drive, browsing: Browsing) -> None:
    ContentTypeGatingConfig.objects.create(org="OakU", enabled=True, enabled_as_of=datetime(2021, 4, 1, tzinfo=UTC))

    def work(page: Any) -> list[str]:
        page.goto("/support/feature_based_enrollments")
        assert page.locator("#results").inner_text() == ""
        look_at(page, "feature-based-start")
        page.get_by_label("Course ID").fill(BIOLOGY)
        page.get_by_role("button", name="Search").click()
        page.get_by_role("rowheader", name=BIOLOGY).wait_for()
        look_at(page, "feature-based")
        cells = page.locator("tbody tr > *").all_inner_texts()
        page.get_by_label("Course ID").fill("course-v1:No+Such+Run")
        page.keyboard.press("Enter")
        page.get_by_role("strong").filter(has_text="Nothing found for “course-v1:No+Such+Run”.").wait_for()
        look_at(page, "feature-based-nothing")
        page.goto(f"/support/feature_based_enrollments?course_key={BIOLOGY}")  # as people write it
        page.get_by_role("rowheader", name=BIOLOGY).wait_for()
        return cells

    assert at_desk(work) == [BIOLOGY, "Biology One", "on", "2021-04-01 00:00", "Org", "off", "N/A", "Default"]
    browsing.assert_clean()


def test_since_is_not_said_of_what_is_off(at_desk: Drive, browsing: Browsing) -> None:
    ContentTypeGatingConfig.objects.create(org="OakU", enabled=False, enabled_as_of=datetime(2021, 4, 1, tzinfo=UTC))

    def work(page: Any) -> list[str]:
        page.goto(f"/support/feature_based_enrollments?course_key={BIOLOGY}")
        return list(page.locator("tbody tr > *").all_inner_texts())

    assert at_desk(work)[2:5] == ["off", "N/A", "Org"]
    browsing.assert_clean()


def test_sso_records_have_their_history_and_no_tokens(at_desk: Drive, browsing: Browsing, mira: User) -> None:
    extra = {"mail": ["mira@oak.example"], "access_token": "secret-1"}
    identity = UserSocialAuth.objects.create(user=mira, provider="tpa-saml", uid="oak:K-77", extra_data=extra)
    identity.uid = "oak:K-78"
    identity.save()

    def work(page: Any) -> str:
        page.goto("/support/sso?user=mira")
        page.get_by_role("heading", name="1 SSO record of mira").wait_for()
        page.get_by_text("History (2)").click()
        page.get_by_role("cell", name="oak:K-77").wait_for()
        look_at(page, "sso")
        return str(page.content())

    content = at_desk(work)
    assert "mira@oak.example" in content
    assert "secret-1" not in content
    browsing.assert_clean()


def test_a_learner_without_identities_or_exams_has_pages_that_say_so(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> None:
        page.goto("/support/sso?user=mira")
        page.get_by_text("mira has no SSO record.").wait_for()
        look_at(page, "sso-empty")
        page.get_by_role("navigation", name="About mira").get_by_role("link", name="Onboarding").click()
        page.get_by_text("mira has no onboarding exam.").wait_for()
        look_at(page, "onboarding-empty")

    at_desk(work)
    browsing.assert_clean()


def test_onboarding_shows_the_current_status_and_where_it_was_passed(
    at_desk: Drive, browsing: Browsing, mira: User
) -> None:
    for course_id, status in (("course-v1:OakU+OLD+1", "verified"), (BIOLOGY, "submitted")):
        CourseEnrollmentFactory(user=mira, course_id=course_id, mode="verified")
        OnboardingStatus.objects.create(user=mira, course_id=course_id, onboarding_status=status)

    def work(page: Any) -> tuple[str, str]:
        page.goto("/support/onboarding")
        page.get_by_label("User name or e-mail of a learner").fill("mira")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Current status").wait_for()
        look_at(page, "onboarding")
        regions = page.get_by_role("region", name="Current status"), page.get_by_role("region", name="Verified in")
        return regions[0].inner_text(), regions[1].inner_text()

    current, passed = at_desk(work)
    assert "submitted" in current
    assert BIOLOGY in current
    assert "course-v1:OakU+OLD+1" in passed
    browsing.assert_clean()
