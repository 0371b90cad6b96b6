"""The masters track, and staff roles of students (contract: program-enrollments, Create, realised PE; course_staff)."""

from __future__ import annotations

import logging

import pytest

from config.api.exceptions import Refusal
from enrollments.models import CourseAccessRole, CourseEnrollment, User
from enrollments.signals import enrollments_changed
from program_enrollments.models import CourseAccessRoleAssignment
from program_enrollments.services import course_staff
from program_enrollments.services.course_staff import StudentInRun, realise_pending_roles, set_course_staff
from program_enrollments.services.masters import (
    NonExistentCourseError,
    Wanted,
    follow_statuses,
    put_in_masters_track,
)
from tests.factories import (
    CourseAccessRoleFactory,
    CourseEnrollmentFactory,
    CourseRunFactory,
    ProgramCourseEnrollmentFactory,
    ProgramEnrollmentFactory,
    UserFactory,
)
from tests.program_enrollments.scenes import runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return CourseRunFactory(id="course-v1:Acme+Stats+R1", modes=["audit"])


@pytest.fixture
def heard():
    """The changes that receivers of `enrollments_changed` hear of, and from whom."""
    told = []

    def receive(changes, origin, **kwargs):
        told.extend((change.user_id, change.mode, change.is_active, origin) for change in changes)

    enrollments_changed.connect(receive)
    yield told
    enrollments_changed.disconnect(receive)


def put_one_in_masters_track(user_id: int, run_id: str, status: str) -> CourseEnrollment:
    """One student, who must be brought there."""
    placed = put_in_masters_track([Wanted(user_id, run_id, status)])
    for problem in placed.failures.values():
        raise problem
    return placed.enrollments[user_id, run_id]


# The contract's table: the enrollment there was, then what becomes of it as `active`, and as `inactive`.
TABLE = [
    (None, ("masters", True), ("masters", False)),
    (("verified", False), ("masters", True), ("masters", False)),
    (("audit", False), ("masters", True), ("masters", False)),
    (("masters", False), ("masters", True), ("masters", False)),
    (("audit", True), ("masters", True), ("masters", False)),
    (("honor", True), ("masters", True), ("masters", False)),
    (("masters", True), ("masters", True), ("masters", False)),
    (("verified", True), ("verified", True), ("verified", True)),
    (("professional", True), ("professional", True), ("professional", True)),
]


@pytest.mark.parametrize(("before", "active", "inactive"), TABLE)
@pytest.mark.parametrize("status", ["active", "inactive"])
def test_what_becomes_of_each_enrollment(run, ana, before, active, inactive, status):
    if before:
        CourseEnrollmentFactory(user=ana, course_id=run.pk, mode=before[0], is_active=before[1])
    enrollment = put_one_in_masters_track(ana.pk, run.pk, status)
    stored = CourseEnrollment.objects.get()
    assert enrollment == stored
    assert (stored.mode, stored.is_active) == (active if status == "active" else inactive)


def test_an_enrollment_that_stays_as_it_is_has_no_further_history(run, ana):
    stored = CourseEnrollmentFactory(user=ana, course_id=run.pk, mode="masters")
    put_one_in_masters_track(ana.pk, run.pk, "active")
    assert stored.history.count() == 1
    put_one_in_masters_track(ana.pk, run.pk, "inactive")
    assert [row.history_type for row in stored.history.all()] == ["~", "+"]


def test_another_active_mode_is_an_error_in_the_log(run, ana, caplog):
    CourseEnrollmentFactory(user=ana, course_id=run.pk, mode="verified")
    with caplog.at_level(logging.ERROR, logger="program_enrollments"):
        put_one_in_masters_track(ana.pk, run.pk, "active")
    assert f"Account {ana.pk} is in {run.pk} with mode verified" in caplog.text


def test_a_closed_full_run_by_invitation_takes_students(ana):
    run = CourseRunFactory(
        enrollment_end="2020-01-01T00:00:00Z", max_student_enrollments_allowed=0, invitation_only=True
    )
    assert put_one_in_masters_track(ana.pk, run.pk, "active").is_active


def test_others_are_told_of_the_changes(run, ana, heard):
    put_one_in_masters_track(ana.pk, run.pk, "active")
    put_one_in_masters_track(ana.pk, run.pk, "active")
    assert heard == [(ana.pk, "masters", True, "program_enrollments")]


def test_a_run_that_is_gone_and_an_account_that_is_gone_fail_alone(run, ana):
    gone = UserFactory()
    User.objects.filter(pk=gone.pk).delete()
    places = [(ana.pk, "course-v1:Acme+No+R1"), (gone.pk, run.pk), (ana.pk, run.pk)]
    placed = put_in_masters_track([Wanted(*place, "active") for place in places])
    assert {place: type(problem) for place, problem in placed.failures.items()} == {
        (ana.pk, "course-v1:Acme+No+R1"): NonExistentCourseError,
        (gone.pk, run.pk): User.DoesNotExist,
    }
    assert list(placed.enrollments) == [(ana.pk, run.pk)]
    assert CourseEnrollment.objects.get().user == ana
    with pytest.raises(NonExistentCourseError):
        put_one_in_masters_track(ana.pk, "course-v1:Acme+No+R1", "active")


def veto(learner, course_id, mode):
    if learner.username == "bad":
        raise Refusal("Not this one.")


def test_a_hook_that_refuses_a_student_refuses_no_other(settings, run, ana):
    settings.PRE_ENROLL_CHECKS = [f"{__name__}.veto"]
    bad = UserFactory(username="bad")
    placed = put_in_masters_track([Wanted(bad.pk, run.pk, "active"), Wanted(ana.pk, run.pk, "active")])
    assert str(placed.failures[bad.pk, run.pk]) == "Not this one."
    assert CourseEnrollment.objects.get().user == ana


def test_many_cost_as_many_statements_as_two(django_assert_num_queries, run):
    accounts = UserFactory.create_batch(27)
    for account, mode in zip(accounts, ["audit", "audit", "masters"] * 9, strict=True):
        CourseEnrollmentFactory(user=account, course_id=run.pk, mode=mode, is_active=mode == "audit")
    others = UserFactory.create_batch(27)

    def wanted(numbers):
        return [Wanted(group[number].pk, run.pk, "active") for group in (accounts, others) for number in numbers]

    with django_assert_num_queries(11) as few:
        put_in_masters_track(wanted([0, 1, 2]))
    with django_assert_num_queries(len(few)):
        put_in_masters_track(wanted(range(3, 27)))
    assert CourseEnrollment.objects.filter(mode="masters", is_active=True).count() == 54


def test_the_same_place_twice_is_worked_through_in_order(run, ana):
    put_in_masters_track([Wanted(ana.pk, run.pk, "active"), Wanted(ana.pk, run.pk, "inactive")])
    assert not CourseEnrollment.objects.get().is_active


def test_following_a_status_leaves_the_mode(run, ana, django_assert_num_queries):
    first = CourseEnrollmentFactory(user=ana, course_id=run.pk, mode="verified")
    second = CourseEnrollmentFactory(course_id=run.pk, mode="masters", is_active=False)
    follow_statuses({first.pk: "inactive", second.pk: "active"})
    stored = CourseEnrollment.objects.order_by("pk").values_list("mode", "is_active")
    assert list(stored) == [("verified", False), ("masters", True)]
    with django_assert_num_queries(0):
        follow_statuses({})


# --- Staff of runs --------------------------------------------------------------------------------------------------


def student(run, account=None, key="S-1"):
    enrollment = ProgramEnrollmentFactory(user=account, external_user_key=key)
    row = ProgramCourseEnrollmentFactory(program_enrollment=enrollment, course_key=run.pk)
    return StudentInRun(row.pk, run.pk, account and account.pk)


def roles():
    return set(CourseAccessRole.objects.values_list("user__username", "org", "course_id", "role"))


def test_a_student_with_an_account_becomes_staff_of_the_run_once(run, ana):
    here = student(run, ana)
    for _ in range(2):
        set_course_staff({here: True})
        assert roles() == {("ana", "Acme", run.pk, "staff")}
    set_course_staff({here: False})
    assert roles() == set()


def test_limited_staff_is_staff_already_and_stays_when_the_staff_role_goes(run, ana):
    CourseAccessRoleFactory(user=ana, course_id=run.pk, role="limited_staff")
    here = student(run, ana)
    set_course_staff({here: True})
    set_course_staff({here: False})
    assert roles() == {("ana", "Acme", run.pk, "limited_staff")}


def test_an_inactive_account_gets_no_role(run):
    set_course_staff({student(run, UserFactory(is_active=False)): True})
    assert roles() == set()


def test_a_waiting_student_gets_a_pending_role_once(run):
    here = student(run)
    for _ in range(2):
        set_course_staff({here: True})
        assert list(CourseAccessRoleAssignment.objects.values_list("enrollment", "role")) == [(here.id, "staff")]
    set_course_staff({here: False})
    assert not CourseAccessRoleAssignment.objects.exists()


def test_roles_of_many_cost_a_fixed_number_of_statements(django_assert_num_queries, run):
    accounts = [student(run, UserFactory(), f"A-{number}") for number in range(20)]
    waiting = [student(run, None, f"W-{number}") for number in range(20)]
    with django_assert_num_queries(9):
        set_course_staff({each: number % 2 == 0 for number, each in enumerate(accounts + waiting)})
    assert (CourseAccessRole.objects.count(), CourseAccessRoleAssignment.objects.count()) == (10, 10)


def test_pending_roles_become_real_when_it_is_known_who_the_student_is(run, ana):
    here, there = student(run, ana), student(run, None, "S-2")
    for each in (here, there):
        CourseAccessRoleAssignment.objects.create(role="staff", enrollment_id=each.id)
    realise_pending_roles([here.id, there.id])
    assert roles() == {("ana", "Acme", run.pk, "staff")}
    assert CourseAccessRoleAssignment.objects.get().enrollment_id == there.id


def test_pending_roles_that_cannot_be_given_are_logged_and_stay(run, ana, monkeypatch, caplog):
    here = student(run, ana)
    CourseAccessRoleAssignment.objects.create(role="staff", enrollment_id=here.id)
    monkeypatch.setattr(course_staff, "grant_staff", lambda pairs: 1 / 0)
    realise_pending_roles([here.id])
    assert CourseAccessRoleAssignment.objects.count() == 1
    assert "pending course roles could not be given" in caplog.text


def test_nobody_becomes_staff_of_a_run_that_is_not_in_the_catalogue(ana):
    (run,) = runs(1)
    here = student(run, ana)
    set_course_staff({here._replace(run_id="course-v1:Acme+No+R1"): True})
    assert roles() == set()
