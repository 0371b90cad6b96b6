"""Entitlements, certificates and course resets, as an agent handles them in a browser (contract: support)."""

from __future__ import annotations

from typing import Any

import pytest

from enrollments.models import CourseEnrollment, GeneratedCertificate, User
from support.models import CourseEntitlement, CourseResetAudit
from tests.browser.conftest import Browsing
from tests.browser.desk import Drive, desk, look_at
from tests.factories import (
    CourseEntitlementFactory,
    CourseGradeFactory,
    CourseResetAuditFactory,
    CourseResetOptInFactory,
    EntitlementDetailFactory,
    GeneratedCertificateFactory,
    UserFactory,
)
from tests.support.agents import agent
from tests.support.scenes import ago, enrolled, run_with

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BIOLOGY = "course-v1:OakU+BIO1+2024"


@pytest.fixture
def sue() -> User:
    return agent(username="sue")


@pytest.fixture(autouse=True)
def mira() -> User:
    account: User = UserFactory(username="mira", email="mira+oak@oak.example")
    return account


@pytest.fixture
def run() -> Any:
    return run_with("audit", "verified", id=BIOLOGY, display_name="Biology One")


@pytest.fixture
def at_desk(drive: Drive, browsing: Browsing, sue: User) -> Drive:
    return desk(drive, browsing, sue)


# --- Entitlements ---------------------------------------------------------------------------------


def test_an_entitlement_is_created_with_a_comment(at_desk: Drive, browsing: Browsing, run: Any, mira: User) -> None:
    def work(page: Any) -> str:
        page.goto("/support/course_entitlement?user=mira")
        page.get_by_text("mira has no entitlement.").wait_for()
        look_at(page, "entitlements-empty")
        page.get_by_role("link", name="Create entitlement").click()
        page.get_by_role("dialog", name="Create an entitlement for mira").wait_for()
        page.get_by_label("Course UUID").fill("no uuid")
        page.get_by_label("Mode").select_option("professional")
        page.get_by_label("Comment").fill("goodwill")
        page.get_by_role("button", name="Create entitlement").click()
        page.get_by_role("dialog").get_by_role("alert").wait_for()
        look_at(page, "entitlements-create-refused")
        page.get_by_label("Course UUID").fill(str(run.course.uuid))
        page.get_by_role("button", name="Create entitlement").click()
        page.get_by_text("mira has a new entitlement.").wait_for()
        look_at(page, "entitlements-created")
        return str(page.locator("tbody tr").inner_text())

    row = at_desk(work)
    assert str(run.course.uuid) in row
    assert run.course.title in row
    assert "sue: goodwill" in row
    made = CourseEntitlement.objects.get(user=mira)
    assert (made.mode, made.refund_locked, made.expired_at) == ("professional", True, None)
    browsing.assert_clean()


def test_reissuing_a_used_entitlement_says_what_it_takes_away_and_does_it(
    at_desk: Drive, browsing: Browsing, run: Any, mira: User
) -> None:
    used = enrolled(run, mira, mode="verified")
    right = CourseEntitlementFactory(
        user=mira, course_uuid=run.course.uuid, enrollment_course_run=used, expired_at=ago(1), order_number="OAK-1"
    )
    EntitlementDetailFactory(entitlement=right, comments="first", support_user=UserFactory(username="old"))

    def work(page: Any) -> None:
        page.goto("/support/course_entitlement")
        page.get_by_label("User name or e-mail of a learner").fill("mira")
        page.keyboard.press("Enter")
        page.get_by_role("cell", name="OAK-1").wait_for()
        look_at(page, "entitlements")
        page.get_by_role("link", name="Re-issue").click()
        dialog = page.get_by_role("dialog", name="Re-issue an entitlement of mira")
        dialog.get_by_text("mira is taken out of").wait_for()
        look_at(page, "entitlements-reissue")
        page.get_by_label("Comment").fill("chose the wrong run")
        page.get_by_role("button", name="Re-issue entitlement").click()
        page.get_by_text("The entitlement of mira is good again.").wait_for()

    at_desk(work)
    right.refresh_from_db()
    assert (right.expired_at, right.enrollment_course_run) == (None, None)
    assert not CourseEnrollment.objects.get(pk=used.pk).is_active
    newest = right.support_details.order_by("-id").first()
    assert (newest.action, newest.comments, newest.unenrolled_run) == ("REISSUE", "chose the wrong run", BIOLOGY)
    browsing.assert_clean()


def test_an_entitlement_is_expired_after_a_question(at_desk: Drive, browsing: Browsing, mira: User) -> None:
    right = CourseEntitlementFactory(user=mira)

    def work(page: Any) -> None:
        page.goto("/support/course_entitlement?user=mira")
        page.get_by_role("link", name="Expire").click()
        page.get_by_label("Comment").fill("bought twice")
        page.get_by_role("button", name="Expire entitlement").click()
        page.get_by_text("The entitlement of mira has expired.").wait_for()
        assert page.get_by_role("link", name="Expire").count() == 0

    at_desk(work)
    right.refresh_from_db()
    assert right.expired_at is not None
    browsing.assert_clean()


# --- Certificates ---------------------------------------------------------------------------------


def test_a_certificate_is_generated_for_a_run_without_one_and_then_made_anew(
    at_desk: Drive, browsing: Browsing, run: Any, mira: User
) -> None:
    enrolled(run, mira, mode="verified")
    CourseGradeFactory(user=mira, course_id=run.pk, passed=True, percent=0.91)

    def work(page: Any) -> list[str]:
        page.goto("/support/certificates?user=mira+oak@oak.example")  # the plus stays one
        page.get_by_text("mira has no certificate.").wait_for()
        look_at(page, "certificates-empty")
        page.get_by_label("Course ID").fill(BIOLOGY)
        page.get_by_role("button", name="Search").click()
        page.get_by_text("no certificate", exact=True).wait_for()
        assert page.url.endswith("?user=mira%2Boak%40oak.example&course_id=course-v1%3AOakU%2BBIO1%2B2024")
        page.get_by_role("link", name="Generate").click()
        page.get_by_role("button", name="Generate").click()
        page.get_by_text("downloadable").wait_for()
        assert page.url.endswith("&course_id=course-v1%3AOakU%2BBIO1%2B2024")
        look_at(page, "certificates")
        cells = page.locator("tbody tr > *").all_inner_texts()
        page.get_by_role("link", name="Regenerate").click()
        page.get_by_role("dialog", name="Regenerate the certificate of mira").wait_for()
        look_at(page, "certificates-regenerate")
        page.get_by_role("button", name="Regenerate").click()
        page.get_by_text("is being made anew.").wait_for()
        return cells

    cells = at_desk(work)
    assert cells[:5] == [BIOLOGY, "verified", "downloadable", f"Download\nthe certificate in {BIOLOGY}", "0.91"]
    assert GeneratedCertificate.objects.get().user == mira
    browsing.assert_clean()


def test_a_refused_certificate_shows_why(at_desk: Drive, browsing: Browsing, run: Any, mira: User) -> None:
    GeneratedCertificateFactory(user=mira, course_id=run.pk, status="notpassing", mode="verified")
    enrolled(run, mira, mode="verified")

    def work(page: Any) -> str:
        page.goto("/support/certificates?user=mira")
        page.get_by_role("cell", name="not available").wait_for()
        page.get_by_role("link", name="Regenerate").click()
        page.get_by_role("button", name="Regenerate").click()
        alert = page.get_by_role("dialog").get_by_role("alert")
        alert.wait_for()
        return str(alert.inner_text())

    assert at_desk(work) == f"The learner has no passing grade in the course {BIOLOGY}."
    browsing.assert_clean()


@pytest.mark.parametrize(
    ("course_id", "text"),
    [
        ("nonsense", "Course id 'nonsense' is not valid"),
        ("course-v1:No+Such+Run", "The course does not exist against the given key 'course-v1:No+Such+Run'"),
    ],
)
def test_a_search_for_a_run_that_is_none_says_so(at_desk: Drive, browsing: Browsing, course_id: str, text: str) -> None:
    def work(page: Any) -> None:
        page.goto("/support/certificates?user=mira")
        page.get_by_label("Course ID").fill(course_id)
        page.keyboard.press("Enter")
        page.get_by_role("alert").filter(has_text=text).wait_for()

    at_desk(work)
    browsing.assert_clean()


# --- Course resets --------------------------------------------------------------------------------


def test_a_course_is_reset_after_a_question(at_desk: Drive, browsing: Browsing, run: Any, mira: User) -> None:
    CourseResetOptInFactory(course_id=run.pk)
    enrolled(run, mira, mode="verified")

    def work(page: Any) -> None:
        page.goto("/support/resets?user=mira")
        page.get_by_role("cell", name="Available").wait_for()
        page.get_by_role("link", name="Reset course").click()
        page.get_by_text("Grade, progress and attempts in this course are deleted.").wait_for()
        look_at(page, "resets-question")
        page.get_by_label("Comment").fill("lost a month")
        page.get_by_role("button", name="Reset course").click()
        page.get_by_text("The reset of course-v1:OakU+BIO1+2024 for mira is under way.").wait_for()
        page.get_by_text("Completed on").wait_for()
        look_at(page, "resets")
        assert page.get_by_role("link", name="Reset course").count() == 0

    at_desk(work)
    audit = CourseResetAudit.objects.get()
    assert (audit.status, audit.comment) == ("complete", "lost a month")
    browsing.assert_clean()


def test_the_page_follows_a_reset_at_work(
    at_desk: Drive, browsing: Browsing, run: Any, mira: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support.views.pages import resets as page_module

    audit = CourseResetAuditFactory(
        course=CourseResetOptInFactory(course_id=run.pk), course_enrollment=enrolled(run, mira), status="in_progress"
    )
    looks: list[int] = []
    courses_of = page_module.courses_of

    def work_on(person: User) -> Any:
        looks.append(1)
        if len(looks) == 2:
            CourseResetAudit.objects.filter(pk=audit.pk).update(status="complete", completed_at=ago(0))
        return courses_of(person)

    monkeypatch.setattr(page_module, "courses_of", work_on)

    def work(page: Any) -> None:
        page.goto("/support/resets?user=mira")
        page.get_by_text("In progress - Started on").wait_for()
        page.get_by_text("Completed on").wait_for()

    at_desk(work)
    browsing.assert_clean()


def test_a_learner_in_no_such_course_has_a_page_that_says_so(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> None:
        page.goto("/support/resets?user=mira")
        page.get_by_text("mira is in no course that offers resets.").wait_for()
        look_at(page, "resets-empty")

    at_desk(work)
    browsing.assert_clean()
