"""Enrolling at the same time (contract: enrollment-api, Capacity; ARCHITECTURE section 5, Locks)."""

from __future__ import annotations

import pytest
from django.db import transaction

from enrollments.models import Cohort, CohortMembership, CourseEnrollment
from enrollments.services.enroll import EnrollmentRefused, enroll, lock_accounts, update_enrollment
from tests.enrollments.calls import ask
from tests.factories import CourseEnrollmentFactory, CourseModeFactory, CourseRunFactory, UserFactory
from tests.parallel import at_once, concurrent_writers

pytestmark = [pytest.mark.django_db(transaction=True), concurrent_writers]


@pytest.fixture
def run():
    run = CourseRunFactory(course=None)
    for slug in ("audit", "verified"):
        CourseModeFactory(course_id=run.id, mode_slug=slug)
    return run


def answers_of(calls):
    """What the calls answer when they are made at once."""
    answers = []
    raised = at_once(*(lambda call=call: answers.append(call()) for call in calls))
    assert raised == []
    return answers


def test_fifty_identical_requests_leave_one_enrollment_and_no_error(as_user, run, settings):
    settings.ENROLLMENT_USER_RATE = "1000/minute"
    user = UserFactory()
    Cohort.objects.create(course_id=run.id, name="blue")
    clients = [as_user(user) for _ in range(25)]
    answers = []
    for _ in range(2):
        answers += answers_of(
            [lambda client=client: ask(client, run, cohort="blue", email_opt_in=True) for client in clients]
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    enrollment = CourseEnrollment.objects.get()
    assert enrollment.history.count() == 1
    assert CohortMembership.objects.count() == 1


def test_contrary_requests_of_staff_end_in_one_of_their_states(as_user, run):
    user = UserFactory(username="ana")
    enrollment = CourseEnrollmentFactory(user=user, course_id=run.id)
    clients = [as_user(UserFactory(staff=True)) for _ in range(8)]
    wishes = [{"mode": "verified"}, {"is_active": False}, {"mode": "audit"}, {"is_active": True}] * 2
    answers = answers_of(
        [
            lambda client=client, wish=wish: ask(client, run, user="ana", **wish)
            for client, wish in zip(clients, wishes, strict=True)
        ]
    )
    assert {answer.status_code for answer in answers} == {200}
    enrollment.refresh_from_db()
    newest = enrollment.history.order_by("-history_id").first()
    assert (newest.mode, newest.is_active) == (enrollment.mode, enrollment.is_active)


def test_the_last_seat_is_sold_once(run):
    run.max_student_enrollments_allowed = 3
    run.save()
    users = [UserFactory() for _ in range(10)]
    raised = at_once(*(lambda user=user: enroll(user, run.id, check_access=True) for user in users))
    assert CourseEnrollment.objects.filter(course_id=run.id, is_active=True).count() == 3
    assert [getattr(error, "code", error) for error in raised] == ["course-full"] * 7
    assert all(isinstance(error, EnrollmentRefused) for error in raised)


def test_learners_who_cross_each_other_in_two_capped_runs_do_not_lock_each_other_out(run):
    other = CourseRunFactory(course=None, max_student_enrollments_allowed=20)
    run.max_student_enrollments_allowed = 20
    run.save()
    users = [UserFactory() for _ in range(6)]
    calls = [
        lambda user=user, run_id=run_id: enroll(user, run_id, check_access=True)
        for place, user in enumerate(users)
        for run_id in ([run.id, other.id] if place % 2 else [other.id, run.id])
    ]
    assert at_once(*calls) == []
    assert CourseEnrollment.objects.filter(is_active=True).count() == 12


def test_accounts_locked_in_any_order_do_not_deadlock(run):
    users = [UserFactory() for _ in range(5)]
    enrollments = [CourseEnrollmentFactory(user=user, course_id=run.id) for user in users]

    def change(order, mode):
        with transaction.atomic():
            lock_accounts([user.pk for user in order])
            for enrollment in enrollments:
                update_enrollment(CourseEnrollment.objects.get(pk=enrollment.pk), mode=mode)

    calls = [
        lambda order=order, mode=mode: change(order, mode)
        for order in (users, users[::-1])
        for mode in ("audit", "verified")
    ]
    assert at_once(*calls) == []
