"""May a learner enroll in a run now (contract: enrollment-api, Roles and permissions)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from enrollments.models import CourseEnrollmentAllowed
from enrollments.services.access import may_enroll
from tests.enrollments.calls import ask, stored
from tests.factories import CourseAccessRoleFactory, CourseEnrollmentAllowedFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana():
    return UserFactory(username="ana", email="Ana@learners.example")


def allow(run, user=None, email="Ana@learners.example"):
    return CourseEnrollmentAllowedFactory(email=email, course_id=run.id, user=user)


@pytest.mark.parametrize(
    ("start", "end", "is_open"),
    [
        (None, None, True),
        (-1, 1, True),
        (-1, None, True),
        (None, 1, True),
        (1, None, False),
        (None, -1, False),
        (1, 2, False),
    ],
)
def test_the_window(ana, start, end, is_open):
    now = timezone.now()
    days = {"enrollment_start": start, "enrollment_end": end}
    run = CourseRunFactory(**{name: day and now + timedelta(days=day) for name, day in days.items()})
    assert may_enroll(ana, run) is is_open


def test_the_edges_of_the_window_lie_outside(ana, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    assert not may_enroll(ana, CourseRunFactory(enrollment_start=now))
    assert not may_enroll(ana, CourseRunFactory(enrollment_end=now))


def test_invitation_only_and_the_site_wide_switch_keep_learners_out(ana, settings):
    assert not may_enroll(ana, CourseRunFactory(invitation_only=True))
    settings.COURSES_INVITE_ONLY = True
    assert not may_enroll(ana, CourseRunFactory())


def test_an_allowance_beats_invitation_and_window_is_used_up_and_may_be_deleted(as_user, ana):
    run = CourseRunFactory(invitation_only=True, closed=True)
    row = allow(run)
    assert ask(as_user(UserFactory()), run).status_code == 400
    assert ask(as_user(ana), run).status_code == 200
    row.refresh_from_db()
    assert row.user == ana
    row.delete()
    assert stored(ana, run) == ("audit", True)


def test_a_used_allowance_serves_its_account_again_and_nobody_else(ana):
    run = CourseRunFactory(closed=True)
    row = allow(run, user=ana)
    assert may_enroll(ana, run)
    CourseEnrollmentAllowed.objects.filter(pk=row.pk).update(user=UserFactory())
    assert not may_enroll(ana, run)


def test_an_allowance_used_by_another_account_closes_even_an_open_run_and_to_staff_too(ana):
    run = CourseRunFactory()
    allow(run, user=UserFactory())
    assert not may_enroll(ana, run)
    CourseAccessRoleFactory(user=ana, course_id=run.id)
    assert not may_enroll(ana, run)


def test_the_address_must_match_exactly(ana):
    run = CourseRunFactory(closed=True)
    allow(run, email="ana@learners.example")
    assert not may_enroll(ana, run)


def test_a_deployment_may_have_allowances_heed_the_window(ana, settings):
    settings.DISABLE_ALLOWED_ENROLLMENT_IF_ENROLLMENT_CLOSED = True
    closed, by_invitation = CourseRunFactory(closed=True), CourseRunFactory(invitation_only=True)
    allow(closed), allow(by_invitation)
    assert not may_enroll(ana, closed)
    assert may_enroll(ana, by_invitation)
    CourseAccessRoleFactory(user=ana, course_id=closed.id)
    assert may_enroll(ana, closed)


@pytest.mark.parametrize(
    ("org", "on_run", "role", "may"),
    [
        ("Acme", True, "staff", True),
        ("Acme", True, "limited_staff", True),
        ("Acme", True, "instructor", True),
        ("Acme", True, "beta_testers", False),
        ("Acme", True, "data_researcher", False),
        ("Acme", False, "staff", True),
        ("Acme", False, "instructor", True),
        ("Acme", False, "data_researcher", False),
        ("Other", False, "staff", False),
        ("", False, "support", False),
        ("", False, "staff", False),
    ],
)
def test_staff_of_the_run_or_its_organisation_get_into_closed_runs(ana, org, on_run, role, may):
    run = CourseRunFactory(closed=True, invitation_only=True)
    CourseAccessRoleFactory(user=ana, org=org, course_id=run.id if on_run else "", role=role)
    assert may_enroll(ana, run) is may


def test_global_staff_get_in_and_superusers_do_not():
    run = CourseRunFactory(closed=True)
    assert may_enroll(UserFactory(staff=True), run)
    assert not may_enroll(UserFactory(superuser=True), run)


def test_the_rule_looks_at_the_learner_not_at_the_caller(as_user, ana):
    run = CourseRunFactory(closed=True)
    boss = UserFactory(username="boss", staff=True)
    assert ask(as_user(boss), run, user="ana").status_code == 400
    assert ask(as_user(boss), run).status_code == 200


def test_an_open_run_costs_one_statement(ana, django_assert_num_queries):
    run = CourseRunFactory()
    with django_assert_num_queries(1):
        assert may_enroll(ana, run)
