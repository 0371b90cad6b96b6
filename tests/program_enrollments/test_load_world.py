"""The sections of the world file that describe students of programs (contract: world-format)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from enrollments.models import CourseAccessRole, CourseEnrollment, UserSocialAuth
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment
from tests.factories import CourseEnrollmentFactory, CourseRunFactory, UserFactory
from tests.program_enrollments.scenes import program_of

pytestmark = pytest.mark.django_db
CURRICULUM = "cccccccc-0000-4000-8000-000000000001"


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Loads sections twice: the second time changes nothing."""

    def run(**sections: Any) -> None:
        file = tmp_path / "world.json"
        file.write_text(json.dumps(sections))
        call_command("load_world", str(file), verbosity=0)
        before = stored()
        call_command("load_world", str(file), verbosity=0)
        assert stored() == before

    return run


def stored() -> list[Any]:
    models = [ProgramEnrollment, ProgramCourseEnrollment, CourseEnrollment]
    tables = [*models, *(model.history.model for model in models), CourseAccessRoleAssignment, CourseAccessRole]
    return [list(table._base_manager.order_by("pk").values()) for table in tables]


@pytest.fixture
def run_key() -> str:
    return CourseRunFactory(id="course-v1:Acme+Stats+R1").pk


@pytest.fixture
def place(run_key: str) -> dict[str, str]:
    """The program and curriculum that rows are about."""
    return {"program": str(program_of(organizations=("Acme",)).pk), "curriculum": CURRICULUM}


def test_a_row_with_a_user_is_realised_and_one_without_waits_even_if_its_key_is_somebodys(load, place) -> None:
    ana = UserFactory(username="ana")
    UserSocialAuth.objects.create(user=ana, provider="tpa-saml", uid="idp:S-2")
    rows = [
        {**place, "external_user_key": "S-1", "user": "ana", "status": "enrolled", "created": "2030-01-01T00:00:00Z"},
        {**place, "external_user_key": "S-2", "status": "pending", "modified": "-3d"},
    ]
    load(program_enrollments=rows)
    first, second = ProgramEnrollment.objects.all()
    assert (first.external_user_key, first.user, first.status) == ("S-1", ana, "enrolled")
    assert (first.created.year, str(first.curriculum_uuid)) == (2030, CURRICULUM)
    assert (second.external_user_key, second.user, second.status) == ("S-2", None, "pending")
    assert second.modified < first.modified
    assert [row.history.count() for row in (first, second)] == [1, 1]


def test_rows_are_found_by_key_ignoring_case_and_keep_their_spelling(load, place) -> None:
    UserFactory(username="ana")
    load(program_enrollments=[{**place, "external_user_key": "Key-1", "status": "enrolled"}])
    load(program_enrollments=[{**place, "external_user_key": "KEY-1", "status": "ended", "user": "ana"}])
    row = ProgramEnrollment.objects.get()
    assert (row.external_user_key, row.status, row.user.username) == ("Key-1", "ended", "ana")
    assert row.history.count() == 2


def test_without_a_key_a_row_is_found_by_its_user(load, place) -> None:
    UserFactory(username="ana")
    load(program_enrollments=[{**place, "user": "ana", "status": "enrolled"}])
    load(program_enrollments=[{**place, "user": "ana", "external_user_key": None, "status": "suspended"}])
    row = ProgramEnrollment.objects.get()
    assert (row.external_user_key, row.status) == (None, "suspended")


def test_rows_are_numbered_in_the_order_of_the_file(load, place) -> None:
    UserFactory(username="ana")
    names = [{"external_user_key": "b"}, {"user": "ana"}, {"external_user_key": "a"}]
    load(program_enrollments=[{**place, **name, "status": "enrolled"} for name in names])
    assert list(ProgramEnrollment.objects.values_list("external_user_key", flat=True)) == ["b", None, "a"]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([{"status": "enrolled"}], r"\[0\].*needs an external_user_key or a user"),
        ([{"external_user_key": "a", "status": "paused"}], r"\[0\].*status.*paused"),
        ([{"external_user_key": "a"}], r"\[0\].*status.*needs this field"),
        ([{"external_user_key": "a", "user": "nobody", "status": "ended"}], "There is no account 'nobody'"),
        ([{"external_user_key": key, "status": "ended"} for key in "aA"], r"\[1\].*same natural key"),
        (
            [{"external_user_key": key, "user": "ana", "status": "ended"} for key in "ab"],
            "Another program enrollment has this",
        ),
    ],
)
def test_what_no_row_may_be_is_refused(load, place, rows, complaint) -> None:
    UserFactory(username="ana")
    with pytest.raises(CommandError, match=complaint):
        load(program_enrollments=[{**place, **row} for row in rows])
    assert not ProgramEnrollment.objects.exists()


def students(place, **fields):
    UserFactory(username="ana")
    return [
        {**place, "external_user_key": "S-1", "user": "ana", "status": "enrolled"},
        {**place, "external_user_key": "S-2", "status": "enrolled"},
    ]


def test_realised_students_are_tied_to_their_enrollment_which_is_made_if_there_is_none(load, place, run_key) -> None:
    other = CourseRunFactory().pk
    rows = [
        {**place, "external_user_key": "s-1", "course_run": run_key, "status": "active", "course_staff": True},
        {**place, "user": "ana", "course_run": other, "status": "inactive", "course_staff": False},
    ]
    load(program_enrollments=students(place), program_course_enrollments=rows)
    first, second = ProgramCourseEnrollment.objects.select_related("course_enrollment").all()
    made = [(row.course_enrollment.course_id, row.course_enrollment.mode) for row in (first, second)]
    assert made == [(run_key, "masters"), (other, "masters")]
    assert [row.course_enrollment.is_active for row in (first, second)] == [True, False]
    assert [row.status for row in (first, second)] == ["active", "inactive"]
    assert first.history.count() == first.course_enrollment.history.count() == 1
    role = CourseAccessRole.objects.get()
    assert (role.user.username, role.role, role.course_id, role.org) == ("ana", "staff", run_key, "Acme")
    assert not CourseAccessRoleAssignment.objects.exists()


def test_an_enrollment_that_exists_stays_as_it_is(load, place, run_key) -> None:
    rows = students(place)
    load(program_enrollments=rows)
    stands = CourseEnrollmentFactory(
        user=ProgramEnrollment.objects.first().user, course_id=run_key, mode="audit", is_active=False
    )
    course = {**place, "external_user_key": "S-1", "course_run": run_key, "status": "active"}
    load(program_enrollments=rows, program_course_enrollments=[course])
    assert ProgramCourseEnrollment.objects.get().course_enrollment == stands
    stands.refresh_from_db()
    assert (stands.mode, stands.is_active) == ("audit", False)


def test_waiting_students_have_no_enrollment_and_a_pending_role(load, place, run_key) -> None:
    rows = students(place)
    course = {**place, "external_user_key": "S-2", "course_run": run_key, "status": "active", "course_staff": True}
    load(program_enrollments=rows, program_course_enrollments=[course])
    row = ProgramCourseEnrollment.objects.get()
    assert (row.course_enrollment, row.role_assignments.get().role) == (None, "staff")
    assert not CourseEnrollment.objects.exists()
    assert not CourseAccessRole.objects.exists()
    load(program_course_enrollments=[{**course, "course_staff": False}])
    assert not CourseAccessRoleAssignment.objects.exists()


def test_two_programs_share_the_enrollment_in_a_run(load, place, run_key) -> None:
    second = {**place, "program": str(program_of(organizations=("Other",)).pk)}
    rows = students(place)
    rows.append({**second, "external_user_key": "S-1", "user": "ana", "status": "enrolled"})
    courses = [
        {**each, "external_user_key": "S-1", "course_run": run_key, "status": status}
        for each, status in ((place, "inactive"), (second, "active"))
    ]
    load(program_enrollments=rows, program_course_enrollments=courses)
    assert len({row.course_enrollment_id for row in ProgramCourseEnrollment.objects.all()}) == 1
    assert CourseEnrollment.objects.get().is_active is True


def test_a_student_who_is_not_in_the_program_is_refused(load, place, run_key) -> None:
    course = {**place, "external_user_key": "S-9", "course_run": run_key, "status": "active"}
    with pytest.raises(CommandError, match=r"program_course_enrollments\[0\].*no such program enrollment"):
        load(program_enrollments=students(place), program_course_enrollments=[course])
    assert not ProgramEnrollment.objects.exists()
