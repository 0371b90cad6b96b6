"""GET, POST, PATCH and PUT .../courses/{run}/enrollments/ (contract: program-enrollments)."""

from __future__ import annotations

import logging
import uuid

import pytest

from enrollments.models import CourseAccessRole, CourseEnrollment
from enrollments.signals import enrollments_changed
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment
from program_enrollments.services import course_writes
from tests.factories import (
    CourseAccessRoleFactory,
    CourseEnrollmentFactory,
    CourseRunFactory,
    ProgramCourseEnrollmentFactory,
    ProgramEnrollmentFactory,
    UserFactory,
)
from tests.program_enrollments.scenes import enrollments_path, program_of, send

pytestmark = pytest.mark.django_db
ONE = uuid.UUID("b1f0c0de-0000-4000-8000-000000000001")
TWO = uuid.UUID("b1f0c0de-0000-4000-8000-000000000002")


@pytest.fixture
def write(worker, program, run):
    """`write("put", row(...), ...)` sends rows to the run in the program; answers status and words."""

    def call(method, *rows, to=program, into=run):
        answer = send(worker, method, enrollments_path(to, into), rows)
        return answer.status_code, answer.json()

    return call


def row(key="S-1", status="active", **more):
    return {"student_key": key, "status": status, **more}


def student(program, key="S-1", curriculum=ONE, **fields):
    return ProgramEnrollmentFactory(
        program_uuid=program.pk, external_user_key=key, curriculum_uuid=curriculum, **fields
    )


def in_run(student, run, status="active", **fields):
    return ProgramCourseEnrollmentFactory(program_enrollment=student, course_key=run.pk, status=status, **fields)


def plain():
    return list(CourseEnrollment.objects.order_by("id").values_list("user__username", "mode", "is_active"))


def roles():
    return set(CourseAccessRole.objects.values_list("user__username", "org", "course_id", "role"))


# --- Lists ----------------------------------------------------------------------------------------------------------


def listed(worker, program, run):
    return worker.get(enrollments_path(program, run)).json()["results"]


def test_students_are_listed_once_for_each_curriculum(worker, program, run, ana):
    in_run(student(program, "S-100", user=ana), run)
    in_run(student(program, "S-100", TWO), run, "inactive")
    in_run(student(program_of(run, organizations=("Other",)), "elsewhere"), run)
    in_run(student(program, "S-2"), CourseRunFactory())
    answer = worker.get(enrollments_path(program, run))
    assert list(answer.json()) == ["next", "previous", "results"]
    assert answer.json()["results"] == [
        {
            "student_key": "S-100",
            "status": "active",
            "account_exists": True,
            "curriculum_uuid": str(ONE),
            "course_staff": False,
        },
        {
            "student_key": "S-100",
            "status": "inactive",
            "account_exists": False,
            "curriculum_uuid": str(TWO),
            "course_staff": False,
        },
    ]


@pytest.mark.parametrize(
    ("role", "is_staff"), [("staff", True), ("limited_staff", True), ("instructor", False), ("beta_testers", False)]
)
def test_students_with_an_account_are_course_staff_by_their_role_on_the_run(worker, program, run, ana, role, is_staff):
    in_run(student(program, user=ana), run)
    CourseAccessRoleFactory(user=ana, course_id=run.pk, role=role)
    CourseAccessRoleFactory(user=ana, course_id="", role="staff")
    CourseAccessRoleFactory(user=ana, course_id="course-v1:Acme+Other+R1", role="staff")
    assert listed(worker, program, run)[0]["course_staff"] is is_staff


def test_an_inactive_account_is_no_course_staff(worker, program, run):
    account = UserFactory(is_active=False)
    in_run(student(program, user=account), run)
    CourseAccessRoleFactory(user=account, course_id=run.pk)
    assert listed(worker, program, run)[0]["course_staff"] is False


def test_waiting_students_are_course_staff_by_a_pending_role(worker, program, run):
    here = in_run(student(program), run)
    in_run(student(program, "S-2"), run)
    CourseAccessRoleAssignment.objects.create(role="staff", enrollment=here)
    assert [each["course_staff"] for each in listed(worker, program, run)] == [True, False]


def test_pages_follow_each_other(worker, program, run):
    for number in range(5):
        in_run(student(program, f"S-{number}"), run)
    seen, address = [], f"{enrollments_path(program, run)}?page_size=2"
    while address:
        answer = worker.get(address)
        seen += [each["student_key"] for each in answer.json()["results"]]
        address = answer.json()["next"]
    assert seen == [f"S-{number}" for number in range(5)]
    answer = worker.get(enrollments_path(program, run), {"cursor": "x"})
    assert (answer.status_code, answer.json()) == (404, {"developer_message": "Invalid cursor"})


def test_a_page_of_a_hundred_costs_seven_statements(worker, program, run, django_assert_num_queries):
    for number in range(100):
        in_run(student(program, f"S-{number}", user=UserFactory() if number % 2 else None), run)
    with django_assert_num_queries(7):  # caller, program, what it holds, run, page, roles, pending roles
        assert len(listed(worker, program, run)) == 100


# --- Words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "put"])
@pytest.mark.parametrize("status", ["active", "inactive"])
def test_a_waiting_student_gets_no_plain_enrollment(write, program, run, method, status):
    student(program)
    assert write(method, row(status=status)) == (200, {"S-1": status})
    made = ProgramCourseEnrollment.objects.get()
    assert (made.course_key, made.status, made.course_enrollment) == (run.pk, status, None)
    assert [each.history_type for each in made.history.all()] == ["+"]
    assert plain() == []


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [
        (None, "active", ("masters", True)),
        (None, "inactive", ("masters", False)),
        (("audit", True), "active", ("masters", True)),
        (("verified", False), "active", ("masters", True)),
        (("verified", True), "inactive", ("verified", True)),
    ],
)
def test_a_student_with_an_account_is_put_in_the_masters_track(write, program, run, ana, before, status, after):
    if before:
        CourseEnrollmentFactory(user=ana, course_id=run.pk, mode=before[0], is_active=before[1])
    student(program, user=ana)
    assert write("post", row(status=status)) == (200, {"S-1": status})
    assert plain() == [("ana", *after)]
    made = ProgramCourseEnrollment.objects.get()
    assert (made.course_enrollment, made.status) == (CourseEnrollment.objects.get(), status)


def test_a_run_that_is_full_closed_and_without_a_masters_mode_takes_students(write, ana):
    run = CourseRunFactory(
        modes=["audit"], enrollment_end="2020-01-01T00:00:00Z", max_student_enrollments_allowed=0, invitation_only=True
    )
    program = program_of(run)
    student(program, user=ana)
    assert write("post", row(), to=program, into=run) == (200, {"S-1": "active"})
    assert plain() == [("ana", "masters", True)]


@pytest.mark.parametrize("status", ["canceled", "suspended", "ended", "pending"])
def test_the_status_in_the_program_does_not_matter(write, program, status):
    student(program, status=status)
    assert write("post", row()) == (200, {"S-1": "active"})


def test_each_row_has_its_word(write, program, run):
    in_run(student(program, "has"), run)
    student(program, "new")
    student(program_of(run, organizations=("Other",)), "foreign")
    rows = [row("has"), row("new"), row("foreign"), row("nobody"), row("nobody2", "enrolled"), row("has2", "Active")]
    outside = dict.fromkeys(["foreign", "nobody"], "not-in-program")
    common = {**outside, **dict.fromkeys(["nobody2", "has2"], "invalid-status")}
    assert write("patch", *rows) == (207, {"has": "active", "new": "not-found", **common})
    assert write("post", *rows) == (207, {"has": "conflict", "new": "active", **common})
    assert write("put", *rows) == (207, {"has": "active", "new": "active", **common})
    assert write("post", *rows[:4]) == (
        422,
        {"has": "conflict", "new": "conflict", "foreign": "not-in-program", "nobody": "not-in-program"},
    )


@pytest.mark.parametrize("method", ["post", "patch", "put"])
def test_an_active_student_of_another_program_in_the_run_is_a_conflict_before_anything_else(
    write, program, run, method, caplog
):
    other = program_of(run, organizations=("Other",))
    in_run(student(other, "s-1"), run)
    in_run(student(other, "s-2"), run, "inactive")
    in_run(student(other, "s-3"), CourseRunFactory())
    for key in ("S-2", "S-3"):
        in_run(student(program, key), run)
    with caplog.at_level(logging.ERROR):
        _, words = write(method, row("S-1"), row("S-2"), row("S-3"))
    assert words["S-1"] == "conflict"
    assert words["S-2"] == words["S-3"] == ("conflict" if method == "post" else "active")
    assert "active in the run in another program" in caplog.text
    assert write(method, row("S-1", "inactive")) == (422, {"S-1": "not-in-program"})


def test_a_student_moves_between_programs_by_becoming_inactive_in_the_old_one_first(write, program, run, ana):
    old = program_of(run, organizations=("Other",))
    student(old, user=ana)
    student(program, user=ana)
    assert write("post", row(), to=old) == (200, {"S-1": "active"})
    assert write("post", row()) == (422, {"S-1": "conflict"})
    assert write("post", row(status="inactive")) == (200, {"S-1": "inactive"})
    assert write("patch", row(status="inactive"), to=old) == (200, {"S-1": "inactive"})
    assert write("patch", row()) == (200, {"S-1": "active"})
    assert plain() == [("ana", "masters", True)]
    assert ProgramCourseEnrollment.objects.values("course_enrollment").distinct().count() == 1


@pytest.mark.parametrize("method", ["patch", "put"])
def test_an_update_changes_the_status_and_the_plain_enrollments_activity_but_no_mode(
    write, program, run, ana, boss, method
):
    enrollment = CourseEnrollmentFactory(user=ana, course_id=run.pk, mode="verified")
    here = in_run(student(program, user=ana), run, course_enrollment=enrollment)
    assert write(method, row("s-1", "inactive")) == (200, {"s-1": "inactive"})
    assert plain() == [("ana", "verified", False)]
    assert write(method, row("S-1", "active")) == (200, {"S-1": "active"})
    assert plain() == [("ana", "verified", True)]
    history = list(here.history.values_list("history_type", "status", "history_user"))
    assert history == [("~", "active", boss.pk), ("~", "inactive", boss.pk), ("+", "active", None)]


@pytest.mark.parametrize("method", ["patch", "put"])
def test_the_status_that_is_there_already_saves_nothing(write, program, run, ana, method):
    enrollment = CourseEnrollmentFactory(user=ana, course_id=run.pk, mode="masters", is_active=False)
    here = in_run(student(program, user=ana), run, course_enrollment=enrollment)
    assert write(method, row()) == (200, {"S-1": "active"})
    after = ProgramCourseEnrollment.objects.get()
    assert (after.modified, after.history.count()) == (here.modified, 1)
    assert plain() == [("ana", "masters", False)]


def test_an_update_of_a_student_without_a_plain_enrollment_makes_none(write, program, run, ana):
    in_run(student(program, user=ana), run, "inactive")
    assert write("put", row()) == (200, {"S-1": "active"})
    assert plain() == []


def test_of_a_student_in_several_curricula_the_one_in_the_run_is_updated_else_the_oldest_enters(write, program, run):
    first, second = student(program), student(program, "s-1", TWO)
    here = in_run(second, run)
    assert write("put", row(status="inactive")) == (200, {"S-1": "inactive"})
    here.delete()
    assert write("put", row()) == (200, {"S-1": "active"})
    assert ProgramCourseEnrollment.objects.get().program_enrollment == first


# --- Staff of the run -----------------------------------------------------------------------------------------------


def test_course_staff_gives_and_takes_the_role(write, program, run, ana):
    student(program, user=ana)
    assert write("post", row(course_staff=True)) == (200, {"S-1": "active"})
    assert roles() == {("ana", "Acme", run.pk, "staff")}
    assert write("put", row(course_staff=True))[0] == 200
    assert write("put", row())[0] == 200
    assert write("put", row(status="inactive"))[0] == 200
    assert roles() == {("ana", "Acme", run.pk, "staff")}
    assert write("put", row(status="inactive", course_staff=False))[0] == 200
    assert roles() == set()


def test_a_role_given_by_others_is_taken_too_and_an_inactive_account_gets_none(write, program, run, ana):
    CourseAccessRoleFactory(user=ana, course_id=run.pk, org="Acme")
    student(program, user=ana)
    student(program, "S-2", user=UserFactory(is_active=False))
    assert write("put", row(course_staff=False), row("S-2", course_staff=True))[0] == 200
    assert roles() == set()


def test_waiting_students_get_and_lose_a_pending_role(write, program):
    student(program)
    for value in (True, True, False, False):
        assert write("put", row(course_staff=value)) == (200, {"S-1": "active"})
        assert CourseAccessRoleAssignment.objects.count() == int(value)


def test_rows_with_an_error_change_no_role(write, program, run, ana):
    in_run(student(program, "has", user=ana), run)
    student(program, "bad", user=UserFactory())
    rows = [row("has", course_staff=True), row("bad", "x", course_staff=True), row("no", course_staff=True)]
    assert write("post", *rows)[0] == 422
    assert roles() == set()


TRUE = [True, 1, "true", "True", "TRUE", "t", "T", "yes", "YES", "y", "on", "On", "1"]
FALSE = [False, 0, "false", "False", "f", "F", "no", "No", "n", "off", "OFF", "0"]


@pytest.mark.parametrize(("value", "is_staff"), [*((v, True) for v in TRUE), *((v, False) for v in FALSE)])
def test_course_staff_may_be_spelled_as_csv_files_do(write, worker, program, run, value, is_staff):
    student(program)
    assert write("put", row(course_staff=value)) == (200, {"S-1": "active"})
    assert listed(worker, program, run)[0]["course_staff"] is is_staff


# --- Cost, and what goes wrong --------------------------------------------------------------------------------------


def test_25_rows_cost_as_many_statements_as_six(worker, program, run, django_assert_num_queries):
    for number in range(10):
        enrollment = CourseEnrollmentFactory(course_id=run.pk, mode="masters")
        here = student(program, f"old-{number}", user=enrollment.user)
        in_run(here, run, course_enrollment=enrollment)
        student(program, f"new-{number}", user=UserFactory())
        student(program, f"waits-{number}")
        in_run(student(program, f"gone-{number}"), run, "inactive")

    def body(numbers):
        return [
            each
            for n in numbers
            for each in (
                row(f"old-{n}", "inactive", course_staff=n % 2 == 0),
                row(f"new-{n}", course_staff=n % 2 == 0),
                row(f"waits-{n}", course_staff=n % 2 == 0),
                row(f"gone-{n}", course_staff=n % 2 == 0),
            )
        ]

    path = enrollments_path(program, run)
    with django_assert_num_queries(40) as few:
        assert send(worker, "put", path, body([0, 1])).status_code == 200
    with django_assert_num_queries(len(few)):
        assert send(worker, "put", path, body(range(2, 8))).status_code == 200
    assert ProgramCourseEnrollment.objects.filter(status="active").count() == 2 + 24


def test_a_row_that_breaks_is_an_internal_error_and_the_others_stand(write, program, run, ana, caplog):
    def refuse(changes, **kwargs):
        if any(change.user_id == ana.pk for change in changes):
            raise RuntimeError("not ana")

    for key, account in (("S-1", UserFactory(username="bob")), ("S-2", ana), ("S-3", UserFactory(username="cid"))):
        student(program, key, user=account)
    student(program, "S-4")
    enrollments_changed.connect(refuse)
    try:
        answer = write("put", *(row(f"S-{n}", course_staff=True) for n in (1, 2, 3, 4)))
    finally:
        enrollments_changed.disconnect(refuse)
    assert answer == (207, {"S-1": "active", "S-2": "internal-error", "S-3": "active", "S-4": "active"})
    assert sorted(plain()) == [("bob", "masters", True), ("cid", "masters", True)]
    assert {name for name, *_ in roles()} == {"bob", "cid"}
    assert ProgramCourseEnrollment.objects.count() == 3
    assert "the row of student 'S-2' broke" in caplog.text


def test_a_run_that_vanishes_meanwhile_is_an_internal_error_of_rows_with_accounts(
    write, program, run, ana, monkeypatch
):
    student(program, user=ana)
    locked = course_writes._locked

    def vanish(*args):
        type(run).objects.filter(pk=run.pk).delete()
        return locked(*args)

    monkeypatch.setattr(course_writes, "_locked", vanish)
    assert write("put", row(course_staff=True)) == (422, {"S-1": "internal-error"})
    assert (plain(), roles()) == ([], set())
