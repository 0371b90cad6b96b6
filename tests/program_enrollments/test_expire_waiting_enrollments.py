"""`manage.py expire_waiting_enrollments` (contract: program-enrollments, Background work)."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.services import expiry
from tests.factories import CourseEnrollmentFactory, UserFactory
from tests.program_enrollments.scenes import program_of, runs
from tests.program_enrollments.students import student

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def unchanged_for(days, key="S-1", **fields):
    """A student in a run whose enrollment in the program was last changed some days ago."""
    moment = timezone.now() - timedelta(days=days)
    return student(program_of(*runs(1)), key, *runs(2), modified=moment, **fields)


def expire(*arguments):
    said = StringIO()
    call_command("expire_waiting_enrollments", *arguments, stdout=said)
    return said.getvalue()


def left():
    return list(ProgramEnrollment.objects.order_by("pk"))


def test_waiting_enrollments_go_after_sixty_days_with_runs_roles_and_all_history():
    old, young = unchanged_for(60), unchanged_for(59.9, "S-2")
    CourseAccessRoleAssignment.objects.create(enrollment=old.course_enrollments.first(), role="staff")
    assert expire() == "1 waiting enrollments were deleted.\n"
    assert left() == [young]
    assert set(ProgramCourseEnrollment.objects.values_list("program_enrollment", flat=True)) == {young.pk}
    assert not CourseAccessRoleAssignment.objects.exists()
    assert set(ProgramEnrollment.history.values_list("id", flat=True)) == {young.pk}
    assert set(ProgramCourseEnrollment.history.values_list("program_enrollment_id", flat=True)) == {young.pk}


@pytest.mark.parametrize(("days", "number"), [("0", 0), ("2", 1), ("3", 2), ("4", 2)])
def test_the_days_can_be_given(days, number):
    unchanged_for(1), unchanged_for(2.5, "S-2")
    expire("--expiration_days", days)
    assert len(left()) == number


def test_linked_enrollments_stay_however_old():
    linked = unchanged_for(900, user=UserFactory())
    plain = CourseEnrollmentFactory(user=linked.user)
    assert expire() == "0 waiting enrollments were deleted.\n"
    assert left() == [linked]
    plain.refresh_from_db()


def test_running_it_again_changes_nothing():
    unchanged_for(90)
    expire()
    assert expire() == "0 waiting enrollments were deleted.\n"


def test_more_than_a_portion_goes_in_one_call(monkeypatch):
    monkeypatch.setattr(expiry, "CHUNK", 2)
    for number in range(5):
        unchanged_for(90, f"S-{number}")
    assert expire() == "5 waiting enrollments were deleted.\n"
    assert left() == []


@pytest.mark.parametrize("days", ["-1", "99999999"])
def test_a_number_of_days_that_makes_no_sense_is_refused(days):
    unchanged_for(90)
    with pytest.raises(CommandError, match="The days are a number from 0"):
        expire("--expiration_days", days)
    assert len(left()) == 1


def test_many_cost_as_many_statements_as_one():
    def cost_of(number):
        for each in range(number):
            unchanged_for(90, f"S-{each}")
        with CaptureQueriesContext(connection) as statements:
            expire()
        return len(statements)

    assert cost_of(1) == cost_of(15)
