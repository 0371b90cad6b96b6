"""What a change of an enrollment brings with it (contract: enrollment-api, Background work; Audit entry)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog
from django.core import mail

from config.hooks import quiet
from enrollments.models import CourseEnrollment, CourseEnrollmentAllowed
from enrollments.services import tracking
from enrollments.services.enroll import (
    AlreadyEnrolled,
    EnrollmentRefused,
    deactivate,
    enroll,
    update_enrollment,
)
from enrollments.signals import EnrollmentChange, enrollments_changed
from tests.enrollments.calls import ask, stored
from tests.factories import (
    CourseEnrollmentAllowedFactory,
    CourseEnrollmentFactory,
    CourseRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
ACTIVATED = "edx.course.enrollment.activated"
DEACTIVATED = "edx.course.enrollment.deactivated"
MODE_CHANGED = "edx.course.enrollment.mode_changed"


@pytest.fixture
def ana():
    return UserFactory(username="ana", email="ana@learners.example")


@pytest.fixture
def run():
    return CourseRunFactory(display_name="Physics <for> Beginners", modes=["audit", "verified", "honor"])


@pytest.fixture
def staff(as_user):
    return as_user(UserFactory(username="boss", staff=True))


@pytest.fixture
def told():
    """What receivers of `enrollments_changed` hear."""
    heard: list[tuple[str, list[EnrollmentChange]]] = []

    def receive(changes: list[EnrollmentChange], origin: str, **kwargs: Any) -> None:
        heard.append((origin, changes))

    enrollments_changed.connect(receive)
    yield heard
    enrollments_changed.disconnect(receive)


@pytest.fixture
def tracked(django_capture_on_commit_callbacks):
    """`tracked(call, ...)` makes the call and answers the tracking lines it left, as (event, mode or change) pairs."""

    def run_it(call, *args, **kwargs):
        with structlog.testing.capture_logs() as lines, django_capture_on_commit_callbacks(execute=True):
            call(*args, **kwargs)
        return [line for line in lines if line["event"].startswith(("edx.", "course ", "enrollment ", "unenroll"))]

    return run_it


def events(lines):
    return [(line["event"], line.get("mode")) for line in lines if line["event"].startswith("edx.course")]


# --- History --------------------------------------------------------------------------------------------------------


def test_each_real_change_leaves_one_history_row_with_who_made_it(staff, ana, run):
    ask(staff, run, user="ana", mode="verified")
    ask(staff, run, user="ana", mode="verified")
    ask(staff, run, user="ana", mode="audit")
    ask(staff, run, user="ana", is_active=False)
    history = CourseEnrollment.objects.get(user=ana).history.order_by("history_id")
    assert list(history.values_list("history_type", "mode", "is_active", "history_user__username")) == [
        ("+", "verified", True, "boss"),
        ("~", "audit", True, "boss"),
        ("~", "audit", False, "boss"),
    ]


def test_the_api_key_changes_history_as_nobody(by_api_key, ana, run):
    ask(by_api_key, run, user="ana")
    assert CourseEnrollment.objects.get(user=ana).history.get().history_user is None


# --- The signal -----------------------------------------------------------------------------------------------------


def flags(change):
    names = ("created", "activated", "deactivated", "mode_changed")
    return {name for name in names if getattr(change, name)}


def test_higher_apps_hear_of_every_change_once(staff, ana, run, told):
    ask(staff, run, user="ana", mode="verified")
    ask(staff, run, user="ana", mode="audit", is_active=True)
    ask(staff, run, user="ana", mode="audit", is_active=False)
    ask(staff, run, user="ana", is_active=True)
    ((_, (first,)), *rest) = told
    assert (first.user_id, first.course_id, first.mode, first.is_active) == (ana.pk, run.id, "verified", True)
    assert first.enrollment_id == CourseEnrollment.objects.get(user=ana).pk
    assert [flags(change) for _, (change,) in [told[0], *rest]] == [
        {"created", "activated", "mode_changed"},
        {"mode_changed"},
        {"deactivated"},
        {"activated"},
    ]
    assert {origin for origin, _ in told} == {"enrollments"}


def test_a_request_without_a_change_is_not_told(as_user, ana, run, told):
    CourseEnrollmentFactory(user=ana, course_id=run.id)
    ask(as_user(ana), run)
    assert told == []


def test_an_inactive_enrollment_that_is_created_counts_as_deactivated(staff, ana, run, told):
    ask(staff, run, user="ana", is_active=False)
    assert flags(told[0][1][0]) == {"created", "deactivated"}


def test_an_error_of_a_receiver_undoes_the_change(as_user, ana, run):
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("a receiver failed")

    enrollments_changed.connect(fail)
    try:
        assert ask(as_user(ana), run).status_code == 500
    finally:
        enrollments_changed.disconnect(fail)
    assert stored(ana, run) is None


# --- Tracking -------------------------------------------------------------------------------------------------------


def test_a_first_enrollment_as_verified_is_tracked_twice(staff, ana, run, tracked):
    lines = tracked(ask, staff, run, user="ana", mode="verified", enterprise_uuid="None")
    assert [line["event"] for line in lines] == [
        "course enrollment changed",
        ACTIVATED,
        "enrollment status change",
        "course enrollment created",
        "course enrollment changed",
        MODE_CHANGED,
        "enrollment track updated",
    ]
    assert events(lines) == [(ACTIVATED, "audit"), (MODE_CHANGED, "verified")]
    activated = lines[1]
    assert (activated["user_id"], activated["course_id"]) == (ana.pk, run.id)
    assert activated["enterprise_uuid"] == "None"
    assert all("enterprise_uuid" not in line for line in lines if line["event"] != ACTIVATED)
    assert "ana@learners.example" not in str(lines)


def test_leaving_is_tracked(staff, ana, run, tracked):
    CourseEnrollmentFactory(user=ana, course_id=run.id)
    lines = tracked(ask, staff, run, user="ana", is_active=False)
    assert [line["event"] for line in lines] == [
        "course enrollment changed",
        "unenroll done",
        DEACTIVATED,
        "enrollment status change",
        "course unenrollment completed",
    ]


def test_coming_back_and_leaving_in_one_request_is_tracked_as_both(as_user, ana, run, tracked, told):
    CourseEnrollmentFactory(user=ana, course_id=run.id, is_active=False)
    assert events(tracked(ask, as_user(ana), run, is_active=False)) == [(ACTIVATED, "audit"), (DEACTIVATED, "audit")]
    assert flags(told[0][1][0]) == {"deactivated"}
    assert CourseEnrollment.objects.get(user=ana).history.count() == 1


def test_nothing_is_tracked_before_the_commit(as_user, ana, run):
    with structlog.testing.capture_logs() as lines:
        ask(as_user(ana), run)
    assert [line for line in lines if line["event"] == ACTIVATED] == []


def test_a_failing_tracker_is_swallowed(as_user, ana, run, monkeypatch, django_capture_on_commit_callbacks):
    class Broken:
        def info(self, *args: object, **kwargs: object) -> None:
            raise OSError("disk full")

    monkeypatch.setattr(tracking, "log", Broken())
    with django_capture_on_commit_callbacks(execute=True):
        assert ask(as_user(ana), run).status_code == 200


def test_cohorts_and_opt_ins_are_tracked(as_user, ana, run, tracked):
    from enrollments.models import Cohort

    for name in ("blue", "green"):
        Cohort.objects.create(course_id=run.id, name=name)
    client = as_user(ana)
    lines = tracked(ask, client, run, cohort="blue", email_opt_in=True)
    assert lines[-2]["event"] == "edx.cohort.user_add_requested"
    assert (lines[-2]["cohort_name"], lines[-2]["previous_cohort_name"]) == ("blue", None)
    assert (lines[-1]["event"], lines[-1]["org"]) == ("edx.bi.user.org_email.opted_in", "Acme")
    deactivate(CourseEnrollment.objects.get(user=ana))
    lines = tracked(ask, client, run, cohort="green", email_opt_in=False)
    assert lines[-2]["previous_cohort_name"] == "blue"
    assert lines[-1]["event"] == "edx.bi.user.org_email.opted_out"


# --- Mail -----------------------------------------------------------------------------------------------------------


def test_no_mail_is_sent_unless_the_deployment_wants_it(as_user, ana, run, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        ask(as_user(ana), run)
    assert mail.outbox == []


def test_activation_sends_a_mail_in_text_and_html(
    as_user, staff, ana, run, settings, django_capture_on_commit_callbacks
):
    settings.SEND_ENROLLMENT_EMAIL = True
    with django_capture_on_commit_callbacks(execute=True):
        ask(as_user(ana), run)
        ask(as_user(ana), run)
        ask(staff, run, user="ana", mode="verified")
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["ana@learners.example"], "You are enrolled in Physics <for> Beginners")
    link = f"{settings.LEARNING_MICROFRONTEND_URL}/course/{run.id}/home"
    assert "Physics <for> Beginners" in message.body
    assert link in message.body
    ((html, kind),) = message.alternatives
    assert (kind, "Physics &lt;for&gt; Beginners" in html) == ("text/html", True)


def test_each_activation_is_worth_a_mail(staff, ana, run, settings, django_capture_on_commit_callbacks):
    settings.SEND_ENROLLMENT_EMAIL = True
    for is_active in (True, False, True):
        with django_capture_on_commit_callbacks(execute=True):
            ask(staff, run, user="ana", is_active=is_active)
    assert len(mail.outbox) == 2


def test_who_left_before_the_delivery_gets_no_mail(ana, run, settings, django_capture_on_commit_callbacks):
    settings.SEND_ENROLLMENT_EMAIL = True
    with django_capture_on_commit_callbacks(execute=True):
        deactivate(enroll(ana, run.id))
    assert mail.outbox == []


def test_nothing_is_mailed_or_tracked_while_quiet(ana, run, settings, tracked):
    settings.SEND_ENROLLMENT_EMAIL = True

    def load():
        with quiet():
            enroll(ana, run.id)

    assert tracked(load) == []
    assert mail.outbox == []


# --- The audit entry ------------------------------------------------------------------------------------------------


@pytest.fixture
def audited(caplog):
    caplog.set_level(logging.INFO, "matricula.audit")

    def lines() -> list[str]:
        texts = [record.getMessage() for record in caplog.records if record.name == "matricula.audit"]
        return [text for text in texts if text.startswith("enrollment_change_requested")]

    return lines


def entry(user, run, *, actual=("None", "None"), requested=("None", "None")):
    return (
        f'enrollment_change_requested: actual_activation="{actual[1]}", actual_mode="{actual[0]}", '
        f'course_id="{run.id}", requested_activation="{requested[1]}", requested_mode="{requested[0]}", '
        f'user_id="{user.pk}"'
    )


def test_the_api_key_leaves_an_audit_entry_for_what_was_asked_and_what_is_stored(by_api_key, ana, run, audited):
    ask(by_api_key, run, user="ana", mode="verified", is_active=True)
    assert audited() == [entry(ana, run, actual=("verified", "True"), requested=("verified", "True"))]


def test_refused_requests_are_audited_from_step_9_on(by_api_key, ana, run, audited):
    ask(by_api_key, run, user="nobody-here")
    assert audited() == []
    ask(by_api_key, run, user="ana", is_active="perhaps\nforged")
    assert audited() == [entry(ana, run, requested=("None", "perhaps\N{REPLACEMENT CHARACTER}forged"))]


def test_an_unexpected_failure_is_audited_too(by_api_key, ana, run, audited):
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("a receiver failed")

    enrollments_changed.connect(fail)
    try:
        assert ask(by_api_key, run, user="ana").status_code == 500
    finally:
        enrollments_changed.disconnect(fail)
    assert audited() == [entry(ana, run)]


def test_staff_and_learners_are_not_audited(staff, as_user, ana, run, audited):
    ask(staff, run, user="ana")
    ask(as_user(ana), run)
    assert audited() == []


def test_each_use_of_the_key_leaves_a_line(by_api_key, ana, run, caplog):
    caplog.set_level(logging.INFO, "matricula.audit")
    ask(by_api_key, run, user="ana")
    assert 'ApiKeyHeaderPermission used: ip="127.0.0.1", path="/api/enrollment/v1/enrollment"' in caplog.messages


# --- The primitives that other apps use -----------------------------------------------------------------------------


def test_enroll_without_checks_needs_neither_run_nor_window_nor_seat(ana, told):
    run = CourseRunFactory(closed=True, max_student_enrollments_allowed=0)
    assert enroll(ana, run.id, "masters", origin="programs").mode == "masters"
    assert enroll(ana, run.id).is_active
    assert enroll(ana, "course-v1:Gone+Gone+1").mode == "audit"
    assert [origin for origin, _ in told] == ["programs", "enrollments", "enrollments"]


def test_enroll_with_checks_says_why_not(ana):
    closed = CourseRunFactory(closed=True)
    full = CourseRunFactory(max_student_enrollments_allowed=0)
    for run_id, code in (
        ("course-v1:No+Such+Run", "unknown-course-run"),
        (closed.id, "enrollment-closed"),
        (full.id, "course-full"),
    ):
        with pytest.raises(EnrollmentRefused) as refused:
            enroll(ana, run_id, check_access=True)
        assert refused.value.code == code
    assert enroll(ana, closed.id, check_access=True, override_closed=True).is_active
    with pytest.raises(AlreadyEnrolled) as refused:
        enroll(ana, closed.id, check_access=True, override_closed=True)
    assert refused.value.enrollment == CourseEnrollment.objects.get(user=ana)


def test_enroll_uses_up_the_allowance_of_that_run_and_address_only(ana, run):
    mine = CourseEnrollmentAllowedFactory(email=ana.email, course_id=run.id)
    others = [
        CourseEnrollmentAllowedFactory(email=ana.email, course_id="course-v1:Other+Run+1"),
        CourseEnrollmentAllowedFactory(email="ANA@learners.example", course_id=run.id),
    ]
    enroll(ana, run.id)
    assert CourseEnrollmentAllowed.objects.get(pk=mine.pk).user == ana
    assert not CourseEnrollmentAllowed.objects.filter(pk__in=[row.pk for row in others], user__isnull=False).exists()


def test_enroll_tracks_a_mode_other_than_audit_as_a_change_of_mode(ana, run, tracked):
    assert events(tracked(enroll, ana, run.id, "honor")) == [(ACTIVATED, "honor"), (MODE_CHANGED, "honor")]


def test_an_update_works_on_what_is_stored_not_on_what_was_read(ana, run):
    stale = CourseEnrollmentFactory(user=ana, course_id=run.id)
    CourseEnrollment.objects.filter(pk=stale.pk).update(mode="verified")
    update_enrollment(stale, is_active=False)
    assert (stale.mode, stale.is_active) == ("verified", False)
    assert stored(ana, run) == ("verified", False)
    assert deactivate(stale).history.count() == 2
