"""Allowances with `auto_enroll` are honoured when an account or its address becomes active (enrollment-api)."""

from __future__ import annotations

import pytest

from config.hooks import quiet
from enrollments.models import CourseEnrollment, CourseEnrollmentAllowed, ManualEnrollmentAudit, User
from enrollments.services.allowed import honour
from tests.enrollments.calls import stored
from tests.factories import CourseEnrollmentAllowedFactory, CourseEnrollmentFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db
EMAIL = "new@acme.example"
Transition = ManualEnrollmentAudit.Transition


def allow(run, email=EMAIL, **fields):
    return CourseEnrollmentAllowedFactory(
        email=email, course_id=str(run), auto_enroll=fields.pop("auto", True), **fields
    )


def register(**fields):
    return UserFactory(email=fields.pop("email", EMAIL), **fields)


def consumer_of(row):
    return CourseEnrollmentAllowed.objects.get(pk=row.pk).user


def test_a_new_active_account_is_enrolled_in_the_default_mode_of_each_run():
    runs = [CourseRunFactory(modes=["verified", "honor"]), CourseRunFactory(modes=["audit", "verified"])]
    rows = [allow(run) for run in runs]
    user = register()
    assert [stored(user, run) for run in runs] == [("honor", True), ("audit", True)]
    assert [consumer_of(row) for row in rows] == [user, user]
    assert CourseEnrollment.objects.first().history.count() == 1


def test_activation_and_a_change_of_email_honour_too():
    run = CourseRunFactory()
    allow(run)
    user = register(is_active=False)
    assert stored(user, run) is None
    user.is_active = True
    user.save()
    assert stored(user, run) == ("audit", True)
    other = CourseRunFactory()
    allow(other, email="moved@acme.example")
    user.email = "moved@acme.example"
    user.save()
    assert stored(user, other) == ("audit", True)


def test_other_saves_honour_nothing():
    user = register()
    run = CourseRunFactory()
    allow(run)
    user.first_name = "Maria"
    user.save()
    assert stored(user, run) is None


def test_an_address_in_other_capitals_or_without_auto_enroll_is_not_honoured():
    runs = [CourseRunFactory(), CourseRunFactory()]
    allow(runs[0], email="New@acme.example")
    row = allow(runs[1], auto=False)
    user = register()
    assert [stored(user, run) for run in runs] == [None, None]
    assert consumer_of(row) is None


def test_an_allowance_that_somebody_else_used_is_not_honoured():
    run = CourseRunFactory()
    other = UserFactory()
    row = allow(run, user=other)
    user = register()
    assert stored(user, run) is None
    assert consumer_of(row) == other


def test_who_is_enrolled_already_is_only_linked():
    run = CourseRunFactory()
    row = allow(run)
    user = register(is_active=False)
    enrollment = CourseEnrollmentFactory(user=user, course_id=run.id, mode="verified")
    history = enrollment.history.count()
    user.is_active = True
    user.save()
    assert (stored(user, run), consumer_of(row)) == (("verified", True), user)
    assert enrollment.history.count() == history


def test_an_inactive_enrollment_comes_back_in_the_default_mode():
    run = CourseRunFactory()
    allow(run)
    user = register(is_active=False)
    CourseEnrollmentFactory(user=user, course_id=run.id, mode="verified", is_active=False)
    user.is_active = True
    user.save()
    assert stored(user, run) == ("audit", True)


def test_window_invitation_and_seats_do_not_keep_an_allowed_learner_out():
    run = CourseRunFactory(closed=True, invitation_only=True, max_student_enrollments_allowed=0)
    allow(run)
    assert stored(register(), run) == ("audit", True)


def test_a_closed_run_is_skipped_where_allowances_heed_the_window(settings):
    settings.DISABLE_ALLOWED_ENROLLMENT_IF_ENROLLMENT_CLOSED = True
    closed, by_invitation = CourseRunFactory(closed=True), CourseRunFactory(invitation_only=True)
    row = allow(closed)
    allow(by_invitation)
    user = register()
    assert (stored(user, closed), stored(user, by_invitation)) == (None, ("audit", True))
    assert consumer_of(row) is None


def test_a_run_that_does_not_exist_is_skipped():
    row = allow("course-v1:Not+Yet+1")
    user = register()
    assert (stored(user, "course-v1:Not+Yet+1"), consumer_of(row)) == (None, None)


def test_a_manual_audit_of_the_address_is_carried_on():
    boss, run, other = UserFactory(), CourseRunFactory(), CourseRunFactory()
    allow(run), allow(other)
    for reason in ("older", "newest"):
        ManualEnrollmentAudit.objects.create(
            enrolled_by=boss, enrolled_email=EMAIL, state_transition=Transition.UNENROLLED_TO_ALLOWED, reason=reason
        )
    user = register()
    audits = ManualEnrollmentAudit.objects.filter(state_transition=Transition.ALLOWED_TO_ENROLLED)
    assert {audit.enrollment.course_id for audit in audits} == {run.id, other.id}
    for audit in audits:
        assert (audit.enrollment.user, audit.enrolled_by, audit.enrolled_email) == (user, boss, EMAIL)
        assert audit.reason == "newest"
        assert audit.history.count() == 1


def test_without_a_manual_audit_none_is_written():
    ManualEnrollmentAudit.objects.create(
        enrolled_email="other@acme.example", state_transition=Transition.UNENROLLED_TO_ALLOWED
    )
    allow(CourseRunFactory())
    register()
    assert ManualEnrollmentAudit.objects.count() == 1


def test_nothing_is_honoured_while_a_world_is_loaded():
    run = CourseRunFactory()
    allow(run)
    with quiet():
        user = register()
    assert stored(user, run) is None


def test_an_account_for_whom_nothing_waits_costs_one_statement(django_assert_num_queries):
    user = register()
    with django_assert_num_queries(1):
        honour([user])


def test_the_number_of_statements_does_not_grow_with_accounts_and_runs(django_assert_max_num_queries):
    users = [UserFactory(is_active=False) for _ in range(6)]
    User.objects.update(is_active=True)
    users = list(User.objects.filter(pk__in=[user.pk for user in users]))
    runs = [CourseRunFactory() for _ in range(5)]
    for user in users:
        ManualEnrollmentAudit.objects.create(enrolled_email=user.email, state_transition=Transition.NOT_AVAILABLE)
        for run in runs:
            allow(run, email=user.email)
    with django_assert_max_num_queries(20):
        honour(users)
    assert CourseEnrollment.objects.filter(is_active=True).count() == 30
    assert ManualEnrollmentAudit.objects.filter(enrollment__isnull=False).count() == 30
