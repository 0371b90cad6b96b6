"""The operators' pages of students in programs (contract: program-enrollments, Admin site)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.queries.students import students
from tests.factories import UserFactory
from tests.program_enrollments.scenes import program_of, runs
from tests.program_enrollments.students import student

pytestmark = pytest.mark.django_db
CURRICULUM = "cccccccc-0000-4000-8000-000000000001"


@pytest.fixture
def console():
    client = Client()
    client.force_login(UserFactory(username="console", staff=True, superuser=True))
    return client


@pytest.fixture
def scene():
    """Two students of two programs, each in a run and with a pending role there."""
    made = []
    for key, account in (("S-1", UserFactory(username="ana")), ("T-2", None)):
        enrollment = student(program_of(), key, *runs(1), user=account)
        CourseAccessRoleAssignment.objects.create(enrollment=enrollment.course_enrollments.get(), role="staff")
        made.append(enrollment)
    return made


def page(model, action="changelist", *arguments):
    return reverse(f"admin:program_enrollments_{model._meta.model_name}_{action}", args=arguments)


@pytest.mark.parametrize("model", [ProgramEnrollment, ProgramCourseEnrollment, CourseAccessRoleAssignment])
def test_rows_are_found_by_user_name_key_and_program(console, scene, model):
    for text in ("ana", "s-1", str(scene[0].program_uuid)):
        found = console.get(page(model), {"q": text}).context["cl"].result_list
        assert [getattr(row, "program_enrollment", getattr(row, "enrollment", row)) for row in found] != []
        assert len(found) == 1


def test_the_list_shows_and_filters_the_status(console, scene):
    ProgramEnrollment.objects.filter(pk=scene[1].pk).update(status="ended")
    found = console.get(page(ProgramEnrollment), {"status__exact": "ended"})
    assert list(found.context["cl"].result_list) == [scene[1]]
    assert str(scene[1].curriculum_uuid) in found.content.decode()


def test_a_student_needs_an_account_or_a_key(console):
    sent = {"program_uuid": CURRICULUM, "curriculum_uuid": CURRICULUM, "status": "enrolled",
            "course_enrollments-TOTAL_FORMS": 0, "course_enrollments-INITIAL_FORMS": 0}  # fmt: skip
    refused = console.post(page(ProgramEnrollment, "add"), sent)
    assert "One of user or external_user_key must not be null." in refused.content.decode()
    assert console.post(page(ProgramEnrollment, "add"), {**sent, "external_user_key": "S-1"}).status_code == 302
    again = console.post(page(ProgramEnrollment, "add"), {**sent, "external_user_key": "s-1"})
    assert again.status_code == 200
    assert ProgramEnrollment.objects.get().external_user_key == "S-1"


def test_the_account_of_a_student_is_not_changed_here(console, scene):
    bob = UserFactory(username="bob")
    address = page(ProgramEnrollment, "change", scene[1].pk)
    assert b'name="user"' not in console.get(address).content
    sent = {"user": bob.pk, "external_user_key": "T-2", "program_uuid": scene[1].program_uuid,
            "curriculum_uuid": CURRICULUM, "status": "pending",
            "course_enrollments-TOTAL_FORMS": 0, "course_enrollments-INITIAL_FORMS": 0}  # fmt: skip
    assert console.post(address, sent).status_code == 302
    scene[1].refresh_from_db()
    assert (scene[1].user, scene[1].status) == (None, "pending")


# --- Reading by student (shared by other areas) -----------------------------------------------------------------------


def test_a_student_is_read_by_account_key_and_filters(scene):
    first, _ = scene
    ana = first.user
    other = student(program_of(), "s-1", status="ended")
    assert list(students(key="S-1")) == [first, other]
    assert list(students(user_id=ana.pk)) == [first]
    assert list(students(user_id=ana.pk, key="T-2")) == []
    assert list(students(key="s-1", programs=[other.program_uuid])) == [other]
    assert list(students(key="s-1", curricula=[first.curriculum_uuid])) == [first]
    assert list(students(key="s-1", statuses=["ended", "pending"])) == [other]
    assert list(students(key="s-1", is_realised=True)) == [first]
    assert list(students(key="s-1", is_realised=False)) == [other]
    with pytest.raises(ValueError, match="a student is named"):
        students()
