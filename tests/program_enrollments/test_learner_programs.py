"""GET programs/enrollments/ and programs/readonly_access/ (contract: program-enrollments)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.factories import (
    CourseAccessRoleFactory,
    CourseRunFactory,
    CurriculumFactory,
    ProgramEnrollmentFactory,
    ProgramFactory,
    UserFactory,
)
from tests.program_enrollments.scenes import ANONYMOUS, API, FORBIDDEN, program_of, runs, staff

pytestmark = pytest.mark.django_db
PATHS = {
    "learner_program_enrollments": f"{API}/programs/enrollments/",
    "user_program_readonly_access": f"{API}/programs/readonly_access/",
}
URL = PATHS["learner_program_enrollments"]


@pytest.fixture
def account():
    return UserFactory()


@pytest.fixture
def learner(as_user, account):
    return as_user(account)


def found(answer):
    """The slugs of the programs."""
    assert answer.status_code == 200, answer.content
    return [row["slug"] for row in answer.json()]


def team(account, run, role="staff"):
    CourseAccessRoleFactory(user=account, course_id=run.pk, org=run.org, role=role)


# --- Who may ask ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path"), PATHS.items())
def test_both_paths_answer_the_same_and_have_names(learner, account, name, path):
    program = program_of(marketing_slug="ms")
    ProgramEnrollmentFactory(user=account, program_uuid=program.pk)
    assert reverse(f"programs_api:v1:{name}") == path
    assert learner.get(path).json() == [{"uuid": str(program.pk), "slug": "ms"}]


@pytest.mark.parametrize("path", PATHS.values())
def test_without_credentials_it_is_a_401(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (401, ANONYMOUS)
    assert "WWW-Authenticate" not in answer


def test_the_token_of_a_restricted_application_is_refused(as_user):
    answer = as_user(staff(), restricted=True).get(URL)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_who_has_no_program_gets_an_empty_list(learner):
    program_of()
    answer = learner.get(URL)
    assert (answer.status_code, answer.json()) == (200, [])


def test_an_inactive_account_may_ask_by_session(by_session):
    account = UserFactory(is_active=False)
    ProgramEnrollmentFactory(user=account, program_uuid=program_of(marketing_slug="ms").pk)
    assert found(by_session(account).get(URL)) == ["ms"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_refused(learner, method):
    answer = getattr(learner, method)(URL)
    assert answer.status_code == 405
    assert answer.json() == {"developer_message": f'Method "{method.upper()}" not allowed.'}


# --- Staff ----------------------------------------------------------------------------------------------------------


def test_staff_see_every_known_program_of_the_type_of_whatever_organisation(as_user):
    client = as_user(staff())
    program_of(marketing_slug="ours")
    program_of(marketing_slug="retired", status="retired", organizations=("Other",), type="masters")
    program_of(marketing_slug="hidden", status="unpublished")
    program_of(marketing_slug="deleted", status="deleted")
    program_of(marketing_slug="micro", type="MicroMasters")
    assert sorted(found(client.get(URL))) == ["ours", "retired"]
    assert sorted(found(client.get(URL, {"type": "MASTERS"}))) == ["ours", "retired"]
    assert found(client.get(URL, {"type": "micromasters"})) == ["micro"]
    assert found(client.get(URL, {"type": "master"})) == []


def test_an_empty_type_matches_nothing(as_user):
    program_of(type="")
    assert found(as_user(staff()).get(URL, {"type": ""})) == []


def test_superusers_who_are_not_staff_see_their_own(as_user):
    program_of(marketing_slug="any")
    assert found(as_user(UserFactory(superuser=True)).get(URL)) == []


# --- Everybody else -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["staff", "limited_staff", "instructor"])
def test_the_team_of_a_run_sees_the_programs_of_the_type_that_contain_it(learner, account, role):
    run, other = runs(2)
    program_of(run, marketing_slug="theirs")
    program_of(run, marketing_slug="micro", type="MicroMasters")
    program_of(other, marketing_slug="foreign", organizations=("Other",))
    program_of(run, marketing_slug="hidden", status="unpublished")
    team(account, run, role)
    assert found(learner.get(URL)) == ["theirs"]
    assert found(learner.get(URL, {"type": "MicroMasters"})) == ["micro"]


@pytest.mark.parametrize("role", ["beta_testers", "data_researcher", "finance_admin", "ccx_coach"])
def test_other_roles_on_a_run_show_nothing(learner, account, role):
    run = CourseRunFactory()
    program_of(run)
    team(account, run, role)
    assert found(learner.get(URL)) == []


def test_roles_on_an_organisation_on_the_service_or_on_a_custom_course_show_nothing(learner, account):
    run = CourseRunFactory()
    custom = CourseRunFactory(id="ccx-v1:Acme+C1+T1+ccx@1", org="Acme")
    program_of(run, custom)
    CourseAccessRoleFactory(user=account, course_id="", org=run.org, role="staff")
    CourseAccessRoleFactory(user=account, course_id="", org="", role="instructor")
    team(account, custom)
    assert found(learner.get(URL)) == []


def test_an_empty_type_shows_nothing_to_teams(learner, account):
    run = CourseRunFactory()
    program_of(run, type="")
    team(account, run)
    assert found(learner.get(URL, {"type": ""})) == []


def test_a_program_contains_the_runs_of_its_courses_its_first_active_curriculum_and_of_its_children(learner, account):
    run = CourseRunFactory()
    by_course = ProgramFactory(type="masters", marketing_slug="by-course")
    by_course.courses.add(run.course)
    by_curriculum = ProgramFactory(type="masters", marketing_slug="by-curriculum")
    CurriculumFactory(program=by_curriculum, position=0, is_active=False)
    CurriculumFactory(program=by_curriculum, position=1, courses=[run.course])
    parent = ProgramFactory(type="masters", marketing_slug="parent")
    CurriculumFactory(program=parent, programs=[by_curriculum])
    grandparent = ProgramFactory(type="masters", marketing_slug="grandparent")
    CurriculumFactory(program=grandparent, programs=[parent])
    second = ProgramFactory(type="masters", marketing_slug="second")
    CurriculumFactory(program=second, position=0)
    CurriculumFactory(program=second, position=1, course_runs=[run], programs=[parent])
    inactive = ProgramFactory(type="masters", marketing_slug="inactive")
    CurriculumFactory(program=inactive, is_active=False, course_runs=[run], programs=[parent])
    parent.curricula.get().programs.add(grandparent)
    team(account, run)
    assert sorted(found(learner.get(URL))) == ["by-course", "by-curriculum", "grandparent", "parent"]


@pytest.mark.parametrize(
    ("status", "shown"),
    [("enrolled", True), ("pending", True), ("suspended", False), ("canceled", False), ("ended", False)],
)
def test_learners_see_the_programs_they_are_enrolled_or_pending_in_of_whatever_type(learner, account, status, shown):
    for kind in ("Masters", "XSeries"):
        program = program_of(marketing_slug=kind, type=kind)
        ProgramEnrollmentFactory(user=account, program_uuid=program.pk, status=status)
    assert sorted(found(learner.get(URL))) == (["Masters", "XSeries"] if shown else [])
    assert sorted(found(learner.get(URL, {"type": ""}))) == (["Masters", "XSeries"] if shown else [])


def test_enrollments_of_others_and_in_programs_that_are_not_known_are_dropped(learner, account):
    ProgramEnrollmentFactory(user=UserFactory(), program_uuid=program_of().pk)
    ProgramEnrollmentFactory(user=account, program_uuid=program_of(status="unpublished").pk)
    ProgramEnrollmentFactory(user=account)
    assert found(learner.get(URL)) == []


def test_programs_by_role_come_first_and_none_comes_twice(learner, account):
    run = CourseRunFactory()
    enrolled = program_of(marketing_slug="enrolled")
    both = program_of(run, marketing_slug="both")
    for program in (enrolled, both):
        for _ in range(2):
            ProgramEnrollmentFactory(user=account, program_uuid=program.pk)
    program_of(run, marketing_slug="by-role")
    team(account, run)
    assert found(learner.get(URL)) == ["both", "by-role", "enrolled"]


# --- What it costs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 12])
def test_the_list_costs_a_fixed_number_of_statements(learner, as_user, account, number, django_assert_num_queries):
    for run in runs(number):
        program_of(run)
        team(account, run)
        ProgramEnrollmentFactory(user=account, program_uuid=program_of().pk)
    with django_assert_num_queries(5):  # the caller, programs of the runs, their parents, enrollments, the programs
        assert len(found(learner.get(URL))) == 2 * number
    worker = as_user(staff())
    with django_assert_num_queries(2):  # the caller, the programs
        assert len(found(worker.get(URL))) == 2 * number
