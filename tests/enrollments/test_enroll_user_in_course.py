"""manage.py enroll_user_in_course (contract: enrollment-api, Background work)."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.enrollments.calls import stored
from tests.factories import CourseEnrollmentFactory, CourseModeFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria():
    return UserFactory(username="maria", email="maria@learners.example")


def command(*arguments):
    out = StringIO()
    call_command("enroll_user_in_course", *arguments, stdout=out)
    return out.getvalue()


def test_a_learner_is_enrolled_in_the_default_mode(maria):
    run = CourseRunFactory(modes=["honor", "verified"])
    assert "maria is enrolled" in command("-e", "maria@learners.example", "-c", run.id)
    assert stored(maria, run) == ("honor", True)


def test_a_mode_can_be_named(maria):
    run = CourseRunFactory(modes=["audit", "verified"])
    command("--email", "maria@learners.example", "--course", run.id, "--mode", "verified")
    assert stored(maria, run) == ("verified", True)


def test_being_enrolled_already_is_success(maria):
    run = CourseRunFactory(modes=["audit", "verified"])
    CourseEnrollmentFactory(user=maria, course_id=run.id, mode="verified")
    assert "(verified)" in command("-e", maria.email, "-c", run.id, "-m", "audit")
    assert stored(maria, run) == ("verified", True)


def test_an_inactive_enrollment_comes_back(maria):
    run = CourseRunFactory()
    CourseEnrollmentFactory(user=maria, course_id=run.id, is_active=False)
    command("-e", maria.email, "-c", run.id)
    assert stored(maria, run) == ("audit", True)


@pytest.mark.parametrize("email", ["ghost@nowhere.example", "Maria@learners.example"])
def test_an_unknown_address_is_an_error(maria, email):
    with pytest.raises(CommandError, match=f"The user with the email address {email} does not exist"):
        command("-e", email, "-c", CourseRunFactory().id)


def test_what_the_add_branch_refuses_is_an_error(maria):
    closed, full, expired = (
        CourseRunFactory(closed=True),
        CourseRunFactory(max_student_enrollments_allowed=0),
        CourseRunFactory(),
    )
    CourseModeFactory(course_id=expired.id, mode_slug="verified", expired=True)
    for run, arguments, text in (
        (closed.id, [], "enrollment-closed"),
        (full.id, [], "course-full"),
        (expired.id, ["-m", "verified"], "mode-unavailable"),
        ("course-v1:No+Such+Run", [], "unknown-course-run"),
        ("nonsense", [], "No course 'nonsense' found"),
    ):
        with pytest.raises(CommandError, match=text):
            command("-e", maria.email, "-c", run, *arguments)
    assert not maria.enrollments.exists()
