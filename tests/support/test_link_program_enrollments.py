"""`link_program_enrollments_details/` (contract: support; program-enrollments, Manual linking)."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrollments.models import CourseAccessRole, CourseEnrollment
from enrollments.services import enroll
from enrollments.services.retirement import retire
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.services import linking
from tests.factories import CourseEnrollmentFactory, CourseModeFactory, UserFactory
from tests.parallel import at_once, concurrent_writers
from tests.program_enrollments.scenes import program_of, runs
from tests.program_enrollments.students import identity, plain, provider, student
from tests.support.agents import ANONYMOUS, agent

URL = "/support/link_program_enrollments_details/"
NOT_GIVEN = (
    "You must provide both a program uuid and a series of lines with the format 'external_user_key,lms_username'."
)
MALFORMED = "All linking lines must be in the format 'external_user_key,lms_username'"

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return runs(1, modes=["audit", "masters"])[0]


@pytest.fixture
def program(run):
    return program_of(run)


@pytest.fixture
def ana():
    return UserFactory(username="ana")


@pytest.fixture
def bob():
    return UserFactory(username="bob")


@pytest.fixture
def link(as_user):
    """`link(program, text)` is the answer; it is always a 200."""
    caller = as_user(agent())

    def post(program, text, form="multipart"):
        sent = {"program_uuid": str(getattr(program, "pk", program)), "username_pair_text": text}
        response = caller.post(URL, sent, format=form)
        assert response.status_code == 200
        return response.json()

    return post


def owner_of(enrollment):
    enrollment.refresh_from_db()
    return enrollment.user


# --- Who may ----------------------------------------------------------------------------------------------------------


def test_an_anonymous_caller_is_told_to_sign_in(client):
    response = client.post(URL, {})
    assert (response.status_code, response.json()) == (401, ANONYMOUS)


@pytest.mark.parametrize("fields", [{}, {"superuser": True}])
def test_a_caller_without_support_permission_gets_an_empty_403_before_anything_is_checked(as_user, fields):
    response = as_user(UserFactory(**fields)).post(URL, "{", content_type="application/json")
    assert (response.status_code, response.content) == (403, b"")


@pytest.mark.parametrize("make", [agent, lambda: UserFactory(staff=True)])
def test_agents_and_staff_may_link_with_or_without_the_slash(as_user, make):
    caller = as_user(make())
    assert caller.post(URL, {}).status_code == 200
    assert caller.post(URL.rstrip("/"), {}).status_code == 200


def test_a_session_needs_a_csrf_token(by_session):
    response = by_session(agent(), enforce_csrf_checks=True).post(URL, {})
    assert response.status_code == 403
    assert response.json()["detail"].startswith("CSRF Failed")


def test_reading_is_no_method(as_user):
    assert as_user(agent()).get(URL).status_code == 405


# --- What is sent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, {"program_uuid": "x"}, {"username_pair_text": "K,ana"}, {"program_uuid": "  "}])
@pytest.mark.parametrize("form", ["multipart", "json"])
def test_without_a_program_or_lines_there_is_one_error(as_user, body, form):
    response = as_user(agent()).post(URL, body, format=form)
    assert response.json() == {
        "successes": [],
        "errors": [NOT_GIVEN],
        "program_uuid": body.get("program_uuid", "").strip(),
        "username_pair_text": body.get("username_pair_text", ""),
    }


@pytest.mark.parametrize("value", [None, [], ["K,ana"], {}, True])
def test_a_value_that_is_no_text_counts_as_not_given(as_user, program, value):
    caller = as_user(agent())
    for body in ({"program_uuid": value, "username_pair_text": "K,ana"},
                 {"program_uuid": str(program.pk), "username_pair_text": value}):  # fmt: skip
        response = caller.post(URL, body, format="json")
        assert (response.status_code, response.json()["errors"]) == (200, [NOT_GIVEN])


@pytest.mark.parametrize("body", ["[]", "7", "null", '"text"'])
def test_a_json_body_that_is_no_object_gives_neither_field(as_user, body):
    response = as_user(agent()).post(URL, body, content_type="application/json")
    assert (response.status_code, response.json()) == (
        200,
        {"successes": [], "errors": [NOT_GIVEN], "program_uuid": "", "username_pair_text": ""},
    )


@pytest.mark.parametrize("body", ["{", '{"program_uuid": "\\u0000"}'])
def test_a_malformed_json_body_is_a_400(as_user, body):
    response = as_user(agent()).post(URL, body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error")


def test_a_program_that_is_no_uuid_is_named_as_sent_without_blanks(link):
    answer = link(" 123-x ", "K,ana")
    assert answer["errors"] == ["Supplied program UUID '123-x' is not a valid UUID."]
    assert answer["program_uuid"] == "123-x"


def test_a_number_as_the_program_is_no_uuid(as_user):
    response = as_user(agent()).post(URL, {"program_uuid": 5, "username_pair_text": "K,ana"}, format="json")
    assert response.json()["errors"] == ["Supplied program UUID '5' is not a valid UUID."]


@pytest.mark.parametrize("line", ["K", "K,", ",ana", " , ana", "   ", "\t", '"K,ana', "x" * 200_000])
def test_one_line_without_a_key_or_a_name_stops_everything(link, program, ana, line):
    waiting = student(program, "K-1")
    answer = link(program, f"K-1,ana\n{line}")
    assert (answer["successes"], answer["errors"]) == ([], [MALFORMED])
    assert owner_of(waiting) is None


@pytest.mark.parametrize(
    "text", ["K-1,ana", "\n\nK-1,ana\r\n\r\n", "  K-1\t, ana ,more,columns", '"K-1","ana"', "K-1,ana\r"]
)
@pytest.mark.parametrize("form", ["multipart", "json"])
def test_blanks_columns_quotes_and_empty_lines_do_not_matter(link, program, ana, text, form):
    waiting = student(program, "K-1")
    answer = link(program, text, form=form)
    assert (answer["successes"], answer["errors"]) == (["('K-1', 'ana')"], [])
    assert owner_of(waiting) == ana


def test_the_text_comes_back_as_it_was_sent(link, program):
    answer = link(f" {program.pk} ", " K-1,ana \n")
    assert answer["program_uuid"] == str(program.pk)
    assert answer["username_pair_text"] == " K-1,ana \n"
    assert list(answer) == ["successes", "errors", "program_uuid", "username_pair_text"]


def test_a_quoted_key_may_hold_a_comma(link, program, ana):
    waiting = student(program, "Doe, Jane")
    assert link(program, '"Doe, Jane",ana')["successes"] == ["('Doe, Jane', 'ana')"]
    assert owner_of(waiting) == ana


@pytest.mark.parametrize("second", ["K-1", "k-1"])
def test_of_a_repeated_key_the_last_line_counts(link, program, ana, bob, second):
    waiting = student(program, "K-1")
    answer = link(program, f"K-1,ana\n{second},bob")
    assert answer["successes"] == [f"('{second}', 'bob')"]
    assert owner_of(waiting) == bob
    assert not ProgramEnrollment.history.filter(user=ana).exists()


# --- Linking ----------------------------------------------------------------------------------------------------------


def test_a_waiting_student_is_linked_and_enrolled_by_the_status_of_each_run(link, program, run, ana):
    second = runs(1)[0]
    waiting = student(program, "K-1", run)
    ProgramCourseEnrollment.objects.create(program_enrollment=waiting, course_key=second.pk, status="inactive")
    assert link(program, "k-1,ana") | {"program_uuid": "", "username_pair_text": ""} == {
        "successes": ["('k-1', 'ana')"], "errors": [], "program_uuid": "", "username_pair_text": "",
    }  # fmt: skip
    assert owner_of(waiting) == ana
    assert waiting.external_user_key == "K-1"
    assert plain(ana) == {run.pk: ("masters", True), second.pk: ("masters", False)}
    assert not waiting.course_enrollments.filter(course_enrollment=None).exists()


def test_history_says_which_agent_linked(as_user, program, ana):
    caller = agent()
    waiting = student(program, "K-1")
    as_user(caller).post(URL, {"program_uuid": str(program.pk), "username_pair_text": "K-1,ana"})
    newest = ProgramEnrollment.history.filter(id=waiting.pk).first()
    assert (newest.history_type, newest.user_id, newest.history_user_id) == ("~", ana.pk, caller.pk)


def test_a_pending_role_becomes_a_real_one(link, program, run, ana):
    student(program, "K-1", run)
    CourseAccessRoleAssignment.objects.create(enrollment=ProgramCourseEnrollment.objects.get(), role="staff")
    link(program, "K-1,ana")
    assert CourseAccessRole.objects.get(user=ana, course_id=run.pk).role == "staff"
    assert not CourseAccessRoleAssignment.objects.exists()


def test_a_user_name_is_compared_exactly(link, program, ana):
    waiting = student(program, "K-1")
    assert link(program, "K-1,Ana")["errors"] == ["No user found with username Ana"]
    assert owner_of(waiting) is None


def test_an_unknown_key_and_a_key_of_another_program_are_told(link, program, ana):
    elsewhere = student(program_of(), "K-1")
    answer = link(program, "K-1,ana")
    assert answer["errors"] == [
        f"No program enrollment found for program uuid={program.pk} and external student key=K-1"
    ]
    assert owner_of(elsewhere) is None


def test_an_unknown_program_has_no_enrollments(link, ana):
    unknown = uuid4()
    assert link(str(unknown).upper(), "K-1,ana")["errors"] == [
        f"No program enrollment found for program uuid={unknown} and external student key=K-1"
    ]


def test_a_program_need_not_be_in_the_catalogue(link, program, ana):
    waiting = student(program, "K-1")
    program.delete()
    link(waiting.program_uuid, "K-1,ana")
    assert owner_of(waiting) == ana


def test_who_has_the_account_already_is_told_with_the_stored_key(link, program, ana):
    student(program, "K-1", user=ana)
    before = ProgramEnrollment.history.count()
    assert link(program, "k-1,ana")["errors"] == [
        "Program enrollment with external_student_key=K-1 is already linked to target account username=ana"
    ]
    assert ProgramEnrollment.history.count() == before


def test_an_unknown_user_is_told_before_an_unknown_key(link, program):
    assert link(program, "nope,nobody")["errors"] == ["No user found with username nobody"]


def test_each_pair_stands_alone_and_errors_come_in_the_order_of_the_lines(link, program, ana, bob):
    first, second = student(program, "K-1"), student(program, "K-2")
    answer = link(program, "nope,ana\nK-1,ana\nK-3,nobody\nK-2,bob")
    assert answer["successes"] == ["('K-1', 'ana')", "('K-2', 'bob')"]
    assert answer["errors"] == [
        f"No program enrollment found for program uuid={program.pk} and external student key=nope",
        "No user found with username nobody",
    ]
    assert [owner_of(first), owner_of(second)] == [ana, bob]


def test_of_several_curricula_the_oldest_that_waits_is_linked(link, program, ana):
    first, second = student(program, "K-1"), student(program, "K-1")
    link(program, "K-1,ana")
    assert [owner_of(first), owner_of(second)] == [ana, None]
    link(program, "K-1,ana")
    assert [owner_of(first), owner_of(second)] == [ana, ana]


# --- Another account first --------------------------------------------------------------------------------------------


@pytest.fixture
def linked(program, run, ana):
    """A student who is linked with ana, and active in the run."""
    made = student(program, "K-1", user=ana)
    enrollment = CourseEnrollmentFactory(user=ana, course_id=run.pk, mode="masters")
    ProgramCourseEnrollment.objects.create(
        program_enrollment=made, course_key=run.pk, status="active", course_enrollment=enrollment
    )
    return made


def test_a_student_with_another_account_is_taken_from_it_first(link, program, run, linked, ana, bob):
    assert link(program, "K-1,bob")["successes"] == ["('K-1', 'bob')"]
    assert owner_of(linked) == bob
    assert plain(ana) == {run.pk: ("audit", False)}
    assert plain(bob) == {run.pk: ("masters", True)}
    assert ProgramCourseEnrollment.objects.get().course_enrollment.user == bob
    assert [row.user_id for row in ProgramEnrollment.history.filter(id=linked.pk)] == [bob.pk, None, ana.pk]


def test_where_the_run_has_no_audit_mode_the_old_enrollment_keeps_its_mode(link, program, run, linked, ana, bob):
    run_modes = CourseModeFactory._meta.model.objects.filter(course_id=run.pk)
    run_modes.filter(mode_slug="audit").delete()
    link(program, "K-1,bob")
    assert plain(ana) == {run.pk: ("masters", False)}


def test_the_old_account_keeps_its_course_roles(link, program, run, linked, ana, bob):
    CourseAccessRole.objects.create(user=ana, course_id=run.pk, org=run.org, role="staff")
    link(program, "K-1,bob")
    assert CourseAccessRole.objects.filter(user=ana, role="staff").exists()


def test_a_row_without_an_enrollment_has_nothing_to_undo(link, program, run, ana, bob):
    made = student(program, "K-1", run, user=ana)
    assert link(program, "K-1,bob")["errors"] == []
    assert owner_of(made) == bob
    assert plain(ana) == {}


def test_enrollments_of_the_old_account_elsewhere_stay(link, program, linked, ana, bob):
    other = runs(1)[0]
    CourseEnrollmentFactory(user=ana, course_id=other.pk, mode="verified")
    link(program, "K-1,bob")
    assert plain(ana)[other.pk] == ("verified", True)


# --- What breaks a pair -----------------------------------------------------------------------------------------------


def test_an_account_with_another_enrollment_in_the_curriculum_is_refused(link, program, run, ana, bob):
    held = student(program, "K-1", user=ana)
    waiting = student(program, "K-2", run, curriculum_uuid=held.curriculum_uuid)
    other = student(program, "K-3")
    answer = link(program, "K-2,ana\nK-3,bob")
    assert answer["successes"] == ["('K-3', 'bob')"]
    assert answer["errors"][0].startswith("IntegrityError: ana ")
    assert [owner_of(waiting), owner_of(other)] == [None, bob]
    assert not CourseEnrollment.objects.filter(user=ana).exists()


def test_two_keys_of_one_curriculum_cannot_go_to_one_account(link, program, ana):
    first = student(program, "K-1")
    second = student(program, "K-2", curriculum_uuid=first.curriculum_uuid)
    answer = link(program, "K-1,ana\nK-2,ana")
    assert answer["successes"] == ["('K-1', 'ana')"]
    assert len(answer["errors"]) == 1
    assert [owner_of(first), owner_of(second)] == [ana, None]


def test_an_account_can_move_on_to_another_key_in_one_go(link, program, run, linked, ana, bob):
    second = student(program, "K-2", run, curriculum_uuid=linked.curriculum_uuid)
    assert link(program, "K-1,bob\nK-2,ana")["errors"] == []
    assert [owner_of(linked), owner_of(second)] == [bob, ana]
    assert plain(ana) == {run.pk: ("masters", True)}


def test_a_run_that_is_gone_breaks_its_pair_alone(link, program, run, linked, ana, bob, caplog):
    gone = runs(1)[0]
    ProgramCourseEnrollment.objects.create(program_enrollment=linked, course_key=gone.pk, status="active")
    gone.delete()
    cyd = UserFactory(username="cyd")
    others = [student(program, f"K-{number}", run) for number in (2, 3)]
    UserFactory(username="dan")
    with caplog.at_level(logging.WARNING):
        answer = link(program, "K-2,cyd\nK-1,bob\nK-3,dan")
    assert answer["errors"] == ["NonExistentCourseError"]
    assert answer["successes"] == ["('K-2', 'cyd')", "('K-3', 'dan')"]
    assert owner_of(linked) == ana
    assert plain(ana) == {run.pk: ("masters", True)}
    assert plain(bob) == {}
    assert owner_of(others[0]) == cyd
    assert "Traceback" in caplog.text


def test_a_veto_breaks_its_pair_with_its_text(link, program, run, ana, monkeypatch):
    from config.api.exceptions import Refusal

    def veto(learner, course_id, mode):
        raise Refusal("not here")

    monkeypatch.setattr(enroll, "hooks", lambda name: [veto] if name == "PRE_ENROLL_CHECKS" else [])
    waiting = student(program, "K-1", run)
    assert link(program, "K-1,ana")["errors"] == ["Refusal: not here"]
    assert owner_of(waiting) is None


def test_links_and_failures_are_logged(link, program, ana, caplog):
    waiting = student(program, "K-1")
    with caplog.at_level(logging.INFO):
        link(program, "K-1,ana\nnope,ana")
    assert f"Program enrollment {waiting.pk} was linked with account {ana.pk}" in caplog.text
    assert f"nope in {program.pk} was not linked" in caplog.text


# --- Costs and writers at the same time -------------------------------------------------------------------------------


def test_many_pairs_cost_as_many_statements_as_one(link, program, run):
    second = runs(1)[0]

    def cost_of(numbers):
        old = [UserFactory() for _ in numbers]
        new = [UserFactory() for _ in numbers]
        for number, account in zip(numbers, old, strict=True):
            made = student(program, f"K-{number}", user=account)
            for each in (run, second):
                ProgramCourseEnrollment.objects.create(
                    program_enrollment=made,
                    course_key=each.pk,
                    status="active",
                    course_enrollment=CourseEnrollmentFactory(user=account, course_id=each.pk, mode="masters"),
                )
        pairs = "\n".join(f"K-{number},{account.username}" for number, account in zip(numbers, new, strict=True))
        with CaptureQueriesContext(connection) as statements:
            assert len(link(program, pairs)["successes"]) == len(new)
        return len(statements)

    assert cost_of(range(1)) == cost_of(range(1, 20))


def test_pairs_beyond_a_portion_are_linked_too(link, program, monkeypatch):
    monkeypatch.setattr(linking, "CHUNK", 2)
    accounts = [UserFactory() for _ in range(5)]
    made = [student(program, f"K-{number}") for number in range(5)]
    answer = link(program, "\n".join(f"K-{number},{account.username}" for number, account in enumerate(accounts)))
    assert len(answer["successes"]) == 5
    assert [owner_of(each) for each in made] == accounts


def test_the_shared_function_links_two_spellings_of_a_key_one_after_the_other(program, run, ana, bob):
    waiting = student(program, "K-1", run)
    assert linking.link_by_username(program.pk, {"K-1": "ana", "k-1": "bob"}) == {}
    assert owner_of(waiting) == bob
    assert plain(ana) == {run.pk: ("audit", False)}


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_agents_at_once_link_a_student_once(as_user, program, run, ana):
    waiting = student(program, "K-1", run)
    answers = []

    def call():
        caller = as_user(agent())
        answers.append(caller.post(URL, {"program_uuid": str(program.pk), "username_pair_text": "K-1,ana"}).json())

    assert at_once(call, call, call) == []
    assert sorted(len(answer["successes"]) for answer in answers) == [0, 0, 1]
    assert owner_of(waiting) == ana
    assert plain(ana) == {run.pk: ("masters", True)}
    assert ProgramEnrollment.history.filter(id=waiting.pk).count() == 2


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_accounts_that_change_places_at_once_do_not_lock_each_other_out(as_user, program, run, ana, bob):
    first, second = student(program, "K-1", run, user=ana), student(program, "K-2", run, user=bob)
    answers = []

    def call(text):
        caller = as_user(agent())
        answers.append(caller.post(URL, {"program_uuid": str(program.pk), "username_pair_text": text}).json())

    assert at_once(lambda: call("K-1,bob"), lambda: call("K-2,ana")) == []
    assert [answer["errors"] for answer in answers] == [[], []]
    assert [owner_of(first), owner_of(second)] == [bob, ana]


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_an_agent_and_a_first_sign_in_at_once_leave_one_account(as_user, program, run, ana, bob):
    provider("idp", "Acme")
    caller = as_user(agent())
    waiting = student(program, "K-1", run)
    sent = {"program_uuid": str(program.pk), "username_pair_text": "K-1,bob"}
    assert at_once(lambda: identity(ana, "idp:K-1"), lambda: caller.post(URL, sent)) == []
    assert owner_of(waiting) == bob
    assert plain(ana) in ({}, {run.pk: ("audit", False)})
    assert plain(bob) == {run.pk: ("masters", True)}
    assert ProgramCourseEnrollment.objects.get().course_enrollment.user == bob


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_a_link_and_a_retirement_at_once_do_not_lock_each_other_out(as_user, program, run, ana, bob):
    caller = as_user(agent())
    held = student(program, "K-1", run, user=ana)
    sent = {"program_uuid": str(program.pk), "username_pair_text": "K-1,bob"}
    answers = []
    assert at_once(lambda: retire(ana), lambda: answers.append(caller.post(URL, sent).json())) == []
    answer = answers[0]
    # The agent was first and the student is bob, or the key was forgotten before.
    assert (owner_of(held) == bob) == (answer["errors"] == [])
    assert held.external_user_key == "K-1" if owner_of(held) == bob else held.external_user_key.startswith("retired_")


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_a_student_who_is_linked_and_put_in_a_run_at_once_is_enrolled_there(as_user, program, run, ana):
    desk, partner = as_user(agent()), as_user(UserFactory(staff=True))
    student(program, "K-1")
    in_run = f"/api/program_enrollments/v1/programs/{program.pk}/courses/{run.pk}/enrollments/"
    rows = [{"student_key": "K-1", "status": "active", "course_staff": True}]
    sent = {"program_uuid": str(program.pk), "username_pair_text": "K-1,ana"}
    assert at_once(lambda: desk.post(URL, sent), lambda: partner.post(in_run, rows, format="json")) == []
    assert plain(ana) == {run.pk: ("masters", True)}
    assert ProgramCourseEnrollment.objects.get().course_enrollment.user == ana
    assert CourseAccessRole.objects.filter(user=ana, course_id=run.pk, role="staff").exists()
    assert not CourseAccessRoleAssignment.objects.exists()
