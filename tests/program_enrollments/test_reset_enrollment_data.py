"""`manage.py reset_enrollment_data` (contract: program-enrollments, Background work)."""

from __future__ import annotations

from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from enrollments.models import CourseEnrollment
from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment
from tests.factories import (
    CourseEnrollmentFactory,
    ProgramCourseEnrollmentFactory,
    ProgramEnrollmentFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def enrollments():
    """Students of three programs, each in a run with a plain enrollment."""
    made = []
    for _ in range(3):
        account = UserFactory()
        enrollment = ProgramEnrollmentFactory(user=account)
        ProgramCourseEnrollmentFactory(
            program_enrollment=enrollment, course_enrollment=CourseEnrollmentFactory(user=account)
        )
        made.append(enrollment)
    return made


def run(*arguments):
    out = StringIO()
    call_command("reset_enrollment_data", *arguments, stdout=out)
    return out.getvalue()


def test_the_enrollments_in_the_programs_are_deleted_and_no_others(enrollments):
    first, second, other = enrollments
    assert "Done." in run(f"{first.program_uuid}, {second.program_uuid}", "--force")
    assert list(ProgramEnrollment.objects.all()) == [other]
    assert ProgramCourseEnrollment.objects.get().program_enrollment == other
    assert CourseEnrollment.objects.get().user == other.user
    assert ProgramEnrollment.history.get(id=first.pk, history_type="-").status == "enrolled"


@pytest.mark.parametrize(("typed", "number"), [("confirm", 2), (" confirm ", 2), ("yes", 3), ("", 3)])
def test_without_force_the_word_confirm_is_asked_for(enrollments, monkeypatch, typed, number):
    monkeypatch.setattr("builtins.input", lambda question: typed)
    if number == 3:
        with pytest.raises(CommandError, match=r"Nothing was deleted\."):
            run(str(enrollments[0].program_uuid))
    else:
        run(str(enrollments[0].program_uuid))
    assert ProgramEnrollment.objects.count() == number


def test_nothing_is_deleted_where_nobody_can_be_asked(enrollments, monkeypatch):
    def closed(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    with pytest.raises(CommandError, match=r"Nothing was deleted\."):
        run(str(enrollments[0].program_uuid))
    assert ProgramEnrollment.objects.count() == 3


def test_a_text_that_is_no_uuid_is_refused_before_anything_happens(enrollments):
    with pytest.raises(CommandError, match="'nonsense' is not a UUID"):
        run(f"{enrollments[0].program_uuid},nonsense", "--force")
    assert ProgramEnrollment.objects.count() == 3


def test_a_program_that_nobody_is_in_changes_nothing(enrollments):
    run(str(uuid4()), "--force")
    assert ProgramEnrollment.objects.count() == 3
