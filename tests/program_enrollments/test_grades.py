"""GET .../programs/{program}/courses/{run}/grades/ (contract: program-enrollments)."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken

from tests.factories import (
    CourseGradeFactory,
    CourseRunFactory,
    CurriculumFactory,
    ProgramCourseEnrollmentFactory,
    ProgramEnrollmentFactory,
    ProgramFactory,
    UserFactory,
)
from tests.program_enrollments.scenes import (
    ANONYMOUS,
    API,
    FORBIDDEN,
    NO_PROGRAM,
    UNKNOWN_UUID,
    program_of,
    runs,
    staff,
)

pytestmark = pytest.mark.django_db
NO_GRADE = {"passed": False, "percent": 0.0, "letter_grade": None}


def url(program, run, rest=""):
    return f"{API}/programs/{program.pk}/courses/{run}/grades/{rest}"


def student(program, run, key=None, grade=None, **fields):
    """A student with an account, in the run, with a grade if its fields are given."""
    account = UserFactory()
    enrollment = ProgramEnrollmentFactory(
        program_uuid=program.pk, user=account, **({"external_user_key": key} if key else {}), **fields
    )
    ProgramCourseEnrollmentFactory(program_enrollment=enrollment, course_key=str(run))
    if grade is not None:
        CourseGradeFactory(user=account, course_id=str(run), **grade)
    return account


def rows(answer):
    return answer.json()["results"]


# --- Who may ask ----------------------------------------------------------------------------------------------------


def test_without_credentials_it_is_a_401_without_a_challenge(client, program, run):
    answer = client.get(url(program, run))
    assert (answer.status_code, answer.json()) == (401, ANONYMOUS)
    assert "WWW-Authenticate" not in answer


@pytest.mark.parametrize("flags", [{}, {"is_superuser": True}])
def test_only_staff_may_ask_and_superusers_are_none(as_user, program, run, flags):
    answer = as_user(UserFactory(**flags)).get(url(program, run))
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_naming_oneself_in_the_query_opens_nothing(as_user, program, run):
    account = UserFactory()
    answer = as_user(account).get(url(program, run), {"username": account.username})
    assert answer.status_code == 403


@pytest.mark.parametrize("filters", [[], ["content_org:Acme"], ["content_org:Acme", "user:me"]])
def test_the_token_of_a_restricted_application_is_refused_whatever_its_filters(as_user, program, run, filters):
    account = staff()
    scopes = ["read", "write", "grades:read", "enrollments:read"]
    client = as_user(account, restricted=True, filters=filters, scopes=scopes)
    answer = client.get(url(program, run), {"username": account.username})
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_who_is_not_staff_is_refused_before_the_program_is_looked_up(as_user):
    answer = as_user(UserFactory()).get(f"{API}/programs/{UNKNOWN_UUID}/courses/not+a+key/grades/")
    assert answer.status_code == 403


def test_staff_may_ask_by_session_and_by_opaque_token_even_when_inactive(by_session, client, program, run):
    account = UserFactory(staff=True, is_active=False)
    assert by_session(account).get(url(program, run)).status_code == 204
    AccessToken.objects.create(user=account, token="opaque", expires=timezone.now() + timedelta(hours=1))
    assert client.get(url(program, run), HTTP_AUTHORIZATION="Bearer opaque").status_code == 204


def test_a_bad_bearer_token_is_named(client, program, run):
    answer = client.get(url(program, run), HTTP_AUTHORIZATION="Bearer nothing")
    assert answer.status_code == 401
    assert answer.json() == {
        "developer_message": {
            "error_code": "token_nonexistent",
            "developer_message": "The provided access token does not match any valid tokens.",
        }
    }


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_refused_before_the_program_is_looked_up(worker, method):
    answer = getattr(worker, method)(f"{API}/programs/{UNKNOWN_UUID}/courses/A+B+C/grades/")
    assert answer.status_code == 405
    assert answer.json() == {"developer_message": f'Method "{method.upper()}" not allowed.'}


# --- What is asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["unpublished", "deleted", ""])
def test_only_active_and_retired_programs_are_known(worker, run, status):
    assert worker.get(url(program_of(run, status="retired"), run)).status_code == 204
    answer = worker.get(url(program_of(run, status=status), run))
    assert (answer.status_code, answer.json()) == (404, NO_PROGRAM)


@pytest.mark.parametrize("spelling", [UNKNOWN_UUID, "beef", "-", "0" * 300])
def test_a_uuid_that_no_program_has_is_unknown(worker, spelling):
    answer = worker.get(f"{API}/programs/{spelling}/courses/not+a+key/grades/")
    assert (answer.status_code, answer.json()) == (404, NO_PROGRAM)


def test_a_program_is_found_by_its_uuid_in_lower_case_with_hyphens_only(worker, run):
    program = program_of(run, uuid="abcdefab-0000-4000-8000-00000000000a")
    assert worker.get(url(program, run)).status_code == 204
    for spelling in (str(program.pk).upper(), str(program.pk).replace("-", "")):
        answer = worker.get(f"{API}/programs/{spelling}/courses/{run}/grades/")
        assert (answer.status_code, answer.json()) == (404, NO_PROGRAM)


def test_a_text_that_is_no_uuid_at_all_is_no_address(worker, run):
    assert worker.get(f"{API}/programs/xyz/courses/{run}/grades/").status_code == 404


@pytest.mark.parametrize("key", ["A+B+C", "course-v1:A+B+C+D+E", "library-v1:A+B+C", "course-v1:A+B+" + "C" * 300])
def test_a_key_that_does_not_parse_is_refused(worker, program, key):
    answer = worker.get(f"{API}/programs/{program.pk}/courses/{key}/grades/")
    assert answer.status_code == 404
    assert answer.json() == {
        "developer_message": "The provided course key cannot be parsed.",
        "error_code": "invalid_course_key",
    }


def test_a_run_that_is_not_known_is_refused(worker, program):
    answer = worker.get(f"{API}/programs/{program.pk}/courses/course-v1:Uni+C1+R9/grades/")
    assert answer.status_code == 404
    assert answer.json() == {
        "developer_message": "Unknown course course-v1:Uni+C1+R9",
        "error_code": "course_does_not_exist",
    }


def test_a_run_of_another_program_is_refused(worker, program):
    foreign = CourseRunFactory()
    program_of(foreign, organizations=("Other",))
    answer = worker.get(url(program, foreign))
    assert answer.status_code == 404
    assert answer.json() == {
        "developer_message": "the program's curriculum does not contain the given course",
        "error_code": "course_not_in_program",
    }


def test_a_path_that_holds_no_course_key_is_no_address(worker, program):
    answer = worker.get(f"{API}/programs/{program.pk}/courses/nokey/grades/")
    assert answer.status_code == 404
    assert "error_code" not in answer.json()


def test_plus_signs_may_be_escaped_and_old_keys_have_slashes(worker):
    new, old = CourseRunFactory(), CourseRunFactory(id="Acme/Old/R1", org="Acme")
    program = program_of(new, old)
    assert worker.get(url(program, quote(str(new)))).status_code == 204
    assert worker.get(url(program, new)).status_code == 204
    assert worker.get(url(program, old)).status_code == 204


def test_anything_may_follow_the_last_slash_and_without_it_the_caller_is_sent_there(worker, program, run):
    assert worker.get(url(program, run, "whatever/else")).status_code == 204
    answer = worker.get(url(program, run).rstrip("/"))
    assert (answer.status_code, answer["Location"]) == (301, quote(url(program, run), safe="/:+"))


def test_the_address_has_a_name(program, run):
    names = {"program_uuid": program.pk, "course_id": run.pk}
    assert reverse("programs_api:v1:program_course_grades", kwargs=names) == url(program, run)


# --- Runs of a program ----------------------------------------------------------------------------------------------


def holds(worker, program, run):
    answer = worker.get(url(program, run))
    assert answer.status_code in {204, 404}
    return answer.status_code == 204


def test_a_program_holds_the_runs_of_its_courses_and_of_its_first_active_curriculum(worker):
    own, in_course, in_run, second, inactive = runs(5)
    program = ProgramFactory()
    program.courses.add(own.course)
    CurriculumFactory(program=program, position=0, is_active=False, course_runs=[inactive])
    CurriculumFactory(program=program, position=2, course_runs=[second])
    CurriculumFactory(program=program, position=1, course_runs=[in_run], courses=[in_course.course])
    held = [holds(worker, program, each) for each in (own, in_course, in_run, second, inactive)]
    assert held == [True, True, True, False, False]


def test_a_program_holds_the_runs_of_child_programs_of_first_active_curricula_all_the_way_down(worker):
    child_run, grandchild_run, second_run, inactive_run, hidden_run = runs(5)
    grandchild = ProgramFactory()
    grandchild.courses.add(grandchild_run.course)
    CurriculumFactory(program=grandchild, is_active=False, course_runs=[inactive_run])
    hidden = program_of(hidden_run)
    child = ProgramFactory()
    CurriculumFactory(program=child, position=0, course_runs=[child_run], programs=[grandchild])
    CurriculumFactory(program=child, position=1, course_runs=[second_run], programs=[hidden])
    program = ProgramFactory()
    CurriculumFactory(program=program, programs=[child])
    held = [holds(worker, program, each) for each in (child_run, grandchild_run, second_run, inactive_run, hidden_run)]
    assert held == [True, True, False, False, False]
    assert not holds(worker, grandchild, child_run)


def test_programs_that_contain_each_other_do_no_harm(worker):
    first_run, second_run = runs(2)
    first, second = program_of(first_run), program_of(second_run)
    first.curricula.get().programs.add(second, first)
    second.curricula.get().programs.add(first)
    assert holds(worker, first, second_run)
    assert holds(worker, second, first_run)


# --- What is answered -----------------------------------------------------------------------------------------------


def test_an_empty_page_is_a_204_that_still_has_the_envelope(worker, program, run):
    answer = worker.get(url(program, run))
    assert answer.status_code == 204
    # Test clients, as servers do, drop the bytes of a 204: what the view wrote is in what it rendered.
    assert json.loads(answer.rendered_content) == {"next": None, "previous": None, "results": []}


def test_grades_are_answered_in_order_of_the_enrollments_in_the_run(worker, program, run):
    student(program, run, "S-101", {"percent": 0.8666, "letter_grade": "B"})
    student(program, run, "S-102", {"percent": 0.31, "letter_grade": None, "passed": False})
    answer = worker.get(url(program, run))
    assert answer.status_code == 200
    assert answer.json() == {
        "next": None,
        "previous": None,
        "results": [
            {"student_key": "S-101", "passed": True, "percent": 0.87, "letter_grade": "B"},
            {"student_key": "S-102", "passed": False, "percent": 0.31, "letter_grade": None},
        ],
    }


def test_a_student_without_a_stored_grade_is_no_error(worker, program, run):
    account = student(program, run, "S-1")
    CourseGradeFactory(user=account, course_id="course-v1:Acme+Other+R1")
    answer = worker.get(url(program, run))
    assert answer.status_code == 200
    assert rows(answer) == [{"student_key": "S-1", **NO_GRADE}]


@pytest.mark.parametrize(
    ("letter", "stored", "passed", "shown"),
    [("", True, False, None), (None, True, False, None), ("F", False, True, "F")],
)
def test_a_grade_is_passed_exactly_when_it_has_a_letter(worker, program, run, letter, stored, passed, shown):
    student(program, run, "S-1", {"letter_grade": letter, "passed": stored, "percent": 0.5})
    expected = {"student_key": "S-1", "passed": passed, "percent": 0.5, "letter_grade": shown}
    assert rows(worker.get(url(program, run))) == [expected]


def test_a_grade_that_cannot_be_read_is_an_error_of_its_row_alone(worker, program, run):
    student(program, run, "S-1", {"error": "grade store timed out"})
    student(program, run, "S-2", {"error": ""})
    student(program, run, "S-3")
    answer = worker.get(url(program, run))
    assert answer.status_code == 207
    assert rows(answer) == [
        {"student_key": "S-1", "error": "grade store timed out"},
        {"student_key": "S-2", "error": "Unknown error"},
        {"student_key": "S-3", **NO_GRADE},
    ]


def test_nothing_but_errors_is_a_422_with_the_envelope(worker, program, run):
    student(program, run, "S-1", {"error": "away"})
    answer = worker.get(url(program, run))
    assert answer.status_code == 422
    assert answer.json() == {
        "next": None,
        "previous": None,
        "results": [{"student_key": "S-1", "error": "away"}],
    }


def test_waiting_students_are_skipped_before_paging_and_no_status_matters(worker, program, run):
    for key in ("W-1", "W-2"):
        waiting = ProgramEnrollmentFactory(program_uuid=program.pk, external_user_key=key)
        ProgramCourseEnrollmentFactory(program_enrollment=waiting, course_key=run.pk)
    for status in ("canceled", "ended"):
        student(program, run, status, status=status)
    program_course = student(program, run, "inactive").program_enrollments.get().course_enrollments.get()
    program_course.status = "inactive"
    program_course.save()
    answer = worker.get(url(program, run), {"page_size": 3})
    assert [row["student_key"] for row in rows(answer)] == ["canceled", "ended", "inactive"]
    assert answer.json()["next"] is None


def test_students_of_other_programs_and_runs_are_not_shown(worker, program, run):
    other = CourseRunFactory()
    program.curricula.get().course_runs.add(other)
    foreign = program_of(run, organizations=("Other",))
    student(foreign, run, "foreign")
    student(program, other, "elsewhere")
    student(program, run, "own")
    assert [row["student_key"] for row in rows(worker.get(url(program, run)))] == ["own"]


def test_a_student_without_an_external_key_has_none(worker, program, run):
    account = UserFactory()
    enrollment = ProgramEnrollmentFactory(program_uuid=program.pk, user=account, external_user_key=None)
    ProgramCourseEnrollmentFactory(program_enrollment=enrollment, course_key=run.pk)
    assert rows(worker.get(url(program, run))) == [{"student_key": None, **NO_GRADE}]


# --- Pages ----------------------------------------------------------------------------------------------------------


def test_pages_follow_each_other_and_each_has_the_status_of_its_own_rows(worker, program, run):
    for number, grade in enumerate([{}, {}, {"error": "x"}, {"error": "y"}, {"error": "z"}, {}, {}]):
        student(program, run, f"S-{number}", grade)
    seen, statuses, address = [], [], f"{url(program, run)}?page_size=2&extra=1"
    while address:
        answer = worker.get(address)
        statuses.append(answer.status_code)
        seen += [row["student_key"] for row in rows(answer)]
        address = answer.json()["next"]
        if address:
            assert address.startswith(f"http://testserver{url(program, run)}?cursor=")
            assert address.endswith("&extra=1&page_size=2")
    assert seen == [f"S-{number}" for number in range(7)]
    assert statuses == [200, 422, 207, 200]
    back = worker.get(answer.json()["previous"])
    assert [row["student_key"] for row in rows(back)] == ["S-4", "S-5"]


def test_a_hundred_rows_are_a_page_unless_more_are_asked_for(worker, program, run):
    account = UserFactory()
    enrollments = [ProgramEnrollmentFactory(program_uuid=program.pk, user=account) for _ in range(101)]
    for enrollment in enrollments:
        ProgramCourseEnrollmentFactory(program_enrollment=enrollment, course_key=run.pk)
    for size, number in (("", 100), ("0", 100), ("-1", 100), ("x", 100), ("101", 101), ("9" * 30, 101), ("1", 1)):
        assert len(rows(worker.get(url(program, run), {"page_size": size}))) == number


@pytest.mark.parametrize("cursor", ["x", "%%%", "cD0y", "W10", "é", "WzAsMV0x" * 50])
def test_a_bad_cursor_is_refused(worker, program, run, cursor):
    answer = worker.get(url(program, run), {"cursor": cursor})
    assert (answer.status_code, answer.json()) == (404, {"developer_message": "Invalid cursor"})


@pytest.mark.parametrize("students", [1, 30])
def test_a_page_costs_six_statements_however_many_students_it_has(
    worker, program, run, students, django_assert_num_queries
):
    for number in range(students):
        student(program, run, f"S-{number}", {"percent": 0.5})
    with django_assert_num_queries(6):  # the caller, the program, what it holds, the run, the page, the grades
        assert len(rows(worker.get(url(program, run)))) == students
