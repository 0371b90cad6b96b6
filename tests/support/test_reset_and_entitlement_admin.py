"""Operators look after course resets and entitlements (contract: support, section 5, Admin site)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from support.models import CourseEntitlement, CourseEntitlementPolicy, CourseResetAudit, CourseResetCourseOptIn
from tests.factories import (
    CourseEntitlementFactory,
    CourseResetAuditFactory,
    CourseResetOptInFactory,
    EntitlementDetailFactory,
    UserFactory,
)
from tests.support.agents import signed_in
from tests.support.scenes import ago, enrolled, run_with

pytestmark = pytest.mark.django_db
AUDITS, OPT_INS = "courseresetaudit", "courseresetcourseoptin"


@pytest.fixture
def console() -> Client:
    return signed_in(UserFactory(username="console", staff=True, superuser=True))


def page(model: str, name: str, *args: Any) -> str:
    return reverse(f"admin:support_{model}_{name}", args=args)


@pytest.fixture
def audit() -> CourseResetAudit:
    run = run_with()
    return CourseResetAuditFactory(
        course=CourseResetOptInFactory(course_id=run.pk),
        course_enrollment=enrolled(run, UserFactory(username="mira")),
        reset_by=UserFactory(username="sue"),
        status="complete",
        modified=ago(3),
        completed_at=ago(3),
    )


# --- Opt-ins ----------------------------------------------------------------------------------------------------------


def test_an_opt_in_names_a_run_that_exists(console: Client) -> None:
    answer = console.post(page(OPT_INS, "add"), {"course_id": "course-v1:No+Such+Run", "active": "on"})
    assert "There is no course run with this key." in answer.content.decode()
    run = run_with()
    assert console.post(page(OPT_INS, "add"), {"course_id": run.pk, "active": "on"}).status_code == 302
    assert CourseResetCourseOptIn.objects.get().active


def test_a_run_has_one_opt_in(console: Client) -> None:
    run = run_with()
    CourseResetOptInFactory(course_id=run.pk)
    assert console.post(page(OPT_INS, "add"), {"course_id": run.pk, "active": "on"}).status_code == 200
    assert CourseResetCourseOptIn.objects.count() == 1


def test_the_run_of_an_opt_in_stays(console: Client) -> None:
    row = CourseResetOptInFactory(course_id="course-v1:Gone+Since+Then")
    answer = console.post(page(OPT_INS, "change", row.pk), {"course_id": run_with().pk})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.course_id, row.active) == ("course-v1:Gone+Since+Then", False)


def test_the_list_of_opt_ins_shows_course_activity_and_moments(console: Client) -> None:
    CourseResetOptInFactory(course_id="course-v1:Oak+BIO1+R1")
    shown = console.get(page(OPT_INS, "changelist"), {"q": "course-v1:Oak+BIO1+R1"})
    assert shown.context["cl"].list_display[-4:] == ["course_id", "active", "created", "modified"]
    assert "course-v1:Oak+BIO1+R1" in shown.content.decode()


# --- Audits -----------------------------------------------------------------------------------------------------------


def test_the_list_of_audits_shows_learner_and_agent_with_a_fixed_number_of_statements(
    console: Client, audit: CourseResetAudit, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        run = run_with()
        CourseResetAuditFactory(course=CourseResetOptInFactory(course_id=run.pk), course_enrollment=enrolled(run))
    with django_assert_max_num_queries(8):
        shown = console.get(page(AUDITS, "changelist"))
    assert shown.context["cl"].list_display[-6:] == [
        "course", "user", "status", "created", "completed_at", "reset_by"
    ]  # fmt: skip
    assert {"mira", "sue"} <= set(shown.content.decode().replace("<", ">").split(">"))


def test_only_the_status_of_an_audit_can_be_changed(console: Client, audit: CourseResetAudit) -> None:
    fields = {"status": "failed", "comment": "x", "completed_at_0": "2031-01-01", "completed_at_1": "00:00"}
    assert console.post(page(AUDITS, "change", audit.pk), fields).status_code == 302
    before = audit.completed_at
    audit.refresh_from_db()
    assert (audit.status, audit.comment, audit.completed_at) == ("failed", "", before)


def test_audits_are_not_added_by_hand(console: Client) -> None:
    assert console.get(page(AUDITS, "add")).status_code == 403


def test_marking_as_failed_leaves_the_moment_of_the_last_change(console: Client, audit: CourseResetAudit) -> None:
    other = CourseResetAuditFactory(course=audit.course, status="enqueued", lost_at=ago(-1))
    kept = CourseResetAuditFactory(course=audit.course, status="enqueued")
    chosen = {"action": "mark_failed", "_selected_action": [audit.pk, other.pk]}
    assert console.post(page(AUDITS, "changelist"), chosen).status_code == 302
    before = audit.modified
    for row in (audit, other, kept):
        row.refresh_from_db()
    assert (audit.status, other.status, kept.status) == ("failed", "failed", "enqueued")
    assert (audit.modified, other.lost_at) == (before, None)


def test_a_failed_audit_lets_the_learner_be_reset_again(console: Client, audit: CourseResetAudit, as_user: Any) -> None:
    desk = as_user(UserFactory(staff=True))
    assert desk.get("/support/course_reset/mira").json()[0]["can_reset"] is False
    console.post(page(AUDITS, "changelist"), {"action": "mark_failed", "_selected_action": [audit.pk]})
    assert desk.get("/support/course_reset/mira").json()[0]["can_reset"] is True


# --- Entitlements -----------------------------------------------------------------------------------------------------


def test_an_entitlement_is_found_with_what_agents_did(console: Client) -> None:
    row = CourseEntitlementFactory(user=UserFactory(username="mira"), order_number="N-1")
    EntitlementDetailFactory(entitlement=row, comments="goodwill")
    for words in (str(row.uuid), "mira", str(row.course_uuid), "N-1"):
        assert str(row.uuid) in console.get(page("courseentitlement", "changelist"), {"q": words}).content.decode()
    assert "goodwill" in console.get(page("courseentitlement", "change", row.pk)).content.decode()


def test_an_entitlement_without_an_order_number_can_be_saved_twice(console: Client) -> None:
    course = "9b3c0000-0000-4000-8000-000000000001"
    for learner in (UserFactory(), UserFactory()):
        form = {"user": learner.pk, "course_uuid": course, "mode": "verified", "order_number": ""}
        form |= {"support_details-TOTAL_FORMS": 0, "support_details-INITIAL_FORMS": 0}
        assert console.post(page("courseentitlement", "add"), form).status_code == 302
    assert list(CourseEntitlement.objects.values_list("order_number", flat=True)) == [None, None]


def test_a_policy_begins_with_the_defaults(console: Client) -> None:
    shown = console.get(page("courseentitlementpolicy", "add")).context["adminform"].form
    form = {name: shown[name].value() for name in ("expiration_period", "refund_period", "regain_period")}
    assert console.post(page("courseentitlementpolicy", "add"), {**form, "mode": "verified"}).status_code == 302
    policy = CourseEntitlementPolicy.objects.get()
    assert [policy.expiration_period.days, policy.refund_period.days, policy.regain_period.days] == [730, 60, 14]
