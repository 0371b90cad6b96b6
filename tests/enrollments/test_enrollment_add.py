"""POST enrollment, step 16: a learner is enrolled, anew or again (contract: enrollment-api)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from config.api.exceptions import Refusal
from enrollments.models import Cohort, CohortMembership, CourseEnrollment, UserOrgTag
from tests.enrollments.calls import ask, generic, stored
from tests.factories import (
    CourseAccessRoleFactory,
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
FIELDS = {"created", "mode", "is_active", "user", "course_details"}


@pytest.fixture
def ana():
    return UserFactory(username="ana")


@pytest.fixture
def run():
    return CourseRunFactory(modes=["audit", "verified"])


@pytest.fixture
def staff(as_user):
    return as_user(UserFactory(username="boss", staff=True))


def message(answer):
    assert answer.status_code == 400, answer.content
    return answer.json()["message"]


def unavailable(mode, run):
    return f"The [{mode}] course mode is expired or otherwise unavailable for course run [{run.id}]."


def slugs(answer):
    return [mode["slug"] for mode in answer.json()["course_details"]["course_modes"]]


def test_a_learner_enrolls_and_asking_again_answers_the_same(as_user, ana, run):
    client = as_user(ana)
    first = ask(client, run)
    assert first.status_code == 200
    assert set(first.json()) == FIELDS
    assert first.json()["created"].endswith("Z")
    assert (first.json()["mode"], first.json()["is_active"], first.json()["user"]) == ("audit", True, "ana")
    second = ask(client, run)
    assert (second.status_code, second.json()) == (200, first.json())
    assert CourseEnrollment.objects.count() == 1


def test_the_answer_is_the_enrollment_as_it_is_read_afterwards(as_user, ana, run):
    client = as_user(ana)
    assert ask(client, run).json() == client.get(f"/api/enrollment/v1/enrollment/{run.id}").json()


# --- 16a: the default mode ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modes", "default"),
    [([], "audit"), (["audit", "honor"], "audit"), (["verified", "honor"], "honor"), (["honor", "credit"], "honor")],
)
def test_16a_the_default_mode_is_audit_else_honor(as_user, ana, modes, default):
    assert ask(as_user(ana), CourseRunFactory(modes=modes)).json()["mode"] == default


def test_16a_a_run_with_expired_modes_only_offers_audit(as_user, ana):
    run = CourseRunFactory()
    CourseModeFactory(course_id=run.id, mode_slug="honor", expired=True)
    assert ask(as_user(ana), run).json()["mode"] == "audit"


def test_16a_a_run_with_credit_alone_has_the_default_mode_audit_which_it_does_not_offer(as_user, ana):
    run = CourseRunFactory(modes=["credit"])
    answer = ask(as_user(ana), run)
    assert (message(answer), slugs(answer)) == (unavailable(None, run), ["credit"])


def test_16a_without_audit_and_honor_a_mode_must_be_named(as_user, by_api_key, ana):
    run = CourseRunFactory(modes=["professional"])
    answer = ask(as_user(ana), run)
    assert (message(answer), slugs(answer)) == (unavailable(None, run), ["professional"])
    assert stored(ana, run) is None
    assert ask(by_api_key, run, user="ana", mode="professional").json()["mode"] == "professional"


# --- 16b, 16c: run and mode -----------------------------------------------------------------------------------------


def test_16b_an_unknown_run_is_refused_before_the_mode_is_looked_at(staff, ana):
    unknown = "course-v1:No+Such+Run"
    answer = ask(staff, unknown, user="ana", mode="no-such-mode")
    assert answer.json() == {"message": f"No course '{unknown}' found for enrollment"}


@pytest.mark.parametrize("mode", ["masters", "", 5, ["audit"]])
def test_16c_a_mode_that_is_not_offered_is_refused_with_those_that_are(staff, ana, run, mode):
    answer = ask(staff, run, user="ana", mode=mode)
    assert (message(answer), slugs(answer)) == (unavailable(mode, run), ["audit", "verified"])
    assert stored(ana, run) is None


def test_16c_comes_before_the_window_and_the_seats(as_user, ana):
    run = CourseRunFactory(closed=True, max_student_enrollments_allowed=0, modes=["verified"])
    assert message(ask(as_user(ana), run, mode="honor")) == unavailable("honor", run)


def test_16c_an_expired_mode_needs_force_or_an_inactive_enrollment(staff, by_api_key, ana):
    run = CourseRunFactory(modes=["audit"])
    CourseModeFactory(course_id=run.id, mode_slug="verified", expired=True)
    for caller in (staff, by_api_key):  # unlike the update branch, this one knows no privilege of the key
        answer = ask(caller, run, user="ana", mode="verified")
        assert (message(answer), slugs(answer)) == (unavailable("verified", run), ["audit"])
    answer = ask(by_api_key, run, user="ana", mode="verified", force_enrollment=True)
    assert slugs(answer) == ["audit"]
    answer = ask(staff, run, user="ana", mode="masters", force_enrollment=True)
    assert slugs(answer) == ["audit", "verified"]
    assert ask(staff, run, user="ana", mode="verified", is_active=False).json()["is_active"] is False
    assert ask(staff, run, user="ben", mode="verified", force_enrollment=True).status_code == 406
    UserFactory(username="ben")
    assert ask(staff, run, user="ben", mode="verified", force_enrollment=True).json()["mode"] == "verified"


# --- 16d to 16g: may the learner ------------------------------------------------------------------------------------


def veto(learner, course_id, mode):
    """A check as a deployment may plug one in."""
    raise Refusal(f"{learner.username} owes money", code="debts")


def test_16d_a_pluggable_check_vetoes_before_the_window(as_user, ana, settings):
    settings.PRE_ENROLL_CHECKS = [f"{__name__}.veto"]
    run = CourseRunFactory(closed=True)
    answer = ask(as_user(ana), run)
    assert (answer.status_code, answer.json()) == (400, generic(ana, run, "debts"))


def test_16e_a_closed_run_is_refused_even_to_staff_who_enroll_others(as_user, staff, by_api_key, ana):
    closed = CourseRunFactory(closed=True)
    future = CourseRunFactory(enrollment_start=timezone.now() + timedelta(days=1))
    invited = CourseRunFactory(invitation_only=True)
    for run in (closed, future, invited):
        for caller in (as_user(ana), staff, by_api_key):
            answer = ask(caller, run, user="ana")
            assert (answer.status_code, answer.json()) == (400, generic(ana, run, "enrollment-closed"))
        assert ask(staff, run, user="ana", force_enrollment=True).status_code == 200


def test_16f_a_full_run_is_refused_and_force_does_not_help(as_user, staff, ana):
    run = CourseRunFactory(max_student_enrollments_allowed=1)
    CourseEnrollmentFactory(course_id=run.id)
    for answer in (ask(as_user(ana), run), ask(staff, run, user="ana", force_enrollment=True)):
        assert (answer.status_code, answer.json()) == (400, generic(ana, run, "course-full"))


def test_16e_comes_before_16f(as_user, ana):
    run = CourseRunFactory(closed=True, max_student_enrollments_allowed=0)
    assert ask(as_user(ana), run).json()["error_code"] == "enrollment-closed"


def test_16f_seats_are_those_of_active_learners_outside_the_team(as_user, ana):
    run = CourseRunFactory(max_student_enrollments_allowed=1)
    CourseEnrollmentFactory(course_id=run.id, is_active=False)
    for role in ("staff", "instructor", "ccx_coach"):
        member = CourseAccessRoleFactory(course_id=run.id, role=role).user
        CourseEnrollmentFactory(user=member, course_id=run.id)
    tester = CourseAccessRoleFactory(course_id=run.id, role="beta_testers").user
    assert ask(as_user(tester), run).status_code == 200
    assert ask(as_user(ana), run).json()["error_code"] == "course-full"


def test_16f_an_allowance_or_a_role_is_no_seat(as_user, ana):
    run = CourseRunFactory(max_student_enrollments_allowed=0)
    CourseAccessRoleFactory(user=ana, course_id=run.id)
    assert ask(as_user(ana), run).json()["error_code"] == "course-full"


def test_a_learner_who_is_in_a_closed_or_full_run_hears_closed_or_full(as_user, ana):
    closed = CourseRunFactory(closed=True)
    full = CourseRunFactory(max_student_enrollments_allowed=1)
    for run in (closed, full):
        CourseEnrollmentFactory(user=ana, course_id=run.id)
    assert ask(as_user(ana), closed).json() == generic(ana, closed, "enrollment-closed")
    assert ask(as_user(ana), full).json() == generic(ana, full, "course-full")


def test_16g_for_an_active_learner_the_request_ends(as_user, staff, ana, run):
    enrollment = CourseEnrollmentFactory(user=ana, course_id=run.id)
    enrollment.attributes.create(namespace="order", name="order_number", value="1")
    history = enrollment.history.count()
    extras = {
        "cohort": "no-such-cohort",
        "email_opt_in": True,
        "enrollment_attributes": [{"namespace": "order", "name": "order_number"}],
    }
    for caller in (as_user(ana), staff):
        answer = ask(caller, run, user="ana", mode="audit", **extras)
        assert (answer.status_code, answer.json()["is_active"], answer.json()["mode"]) == (200, True, "audit")
    assert enrollment.attributes.get().value == "1"
    assert not UserOrgTag.objects.exists()
    assert enrollment.history.count() == history


def test_16g_a_learner_cannot_deactivate(as_user, ana, run):
    CourseEnrollmentFactory(user=ana, course_id=run.id)
    answer = ask(as_user(ana), run, is_active=False)
    assert (answer.status_code, answer.json()["is_active"]) == (200, True)


def test_16g_still_wants_the_mode_to_be_offered(as_user, ana):
    run = CourseRunFactory(modes=["verified"])
    CourseEnrollmentFactory(user=ana, course_id=run.id, mode="verified")
    assert message(ask(as_user(ana), run)) == unavailable(None, run)


# --- 16h, 16i: the enrollment ---------------------------------------------------------------------------------------


def test_16h_a_deactivated_paid_enrollment_comes_back_in_the_default_mode(as_user, ana, run):
    CourseEnrollmentFactory(user=ana, course_id=run.id, mode="verified", is_active=False)
    answer = ask(as_user(ana), run)
    assert (answer.json()["mode"], answer.json()["is_active"]) == ("audit", True)


def test_16h_staff_create_an_inactive_enrollment(staff, by_api_key, run):
    for caller, name in ((staff, "one"), (by_api_key, "two")):
        user = UserFactory(username=name)
        answer = ask(caller, run, user=name, is_active=False)
        assert (answer.status_code, answer.json()["is_active"]) == (200, False)
        assert stored(user, run) == ("audit", False)


def test_16h_a_learner_asking_for_inactive_on_an_inactive_enrollment_gets_it(as_user, ana, run):
    CourseEnrollmentFactory(user=ana, course_id=run.id, is_active=False)
    answer = ask(as_user(ana), run, is_active=False)
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)


def test_16h_a_paid_run_takes_a_named_mode_although_its_default_is_not_offered(staff, ana):
    run = CourseRunFactory(modes=["verified"])
    assert ask(staff, run, user="ana", mode="verified").json()["mode"] == "verified"


def test_16i_attributes_are_stored_and_required_ones_are_not_asked_for(staff, ana):
    run = CourseRunFactory(modes=["audit", "credit"])
    order = {"namespace": "order", "name": "order_number", "value": "EDX-1"}
    answer = ask(staff, run, user="ana", mode="credit", enrollment_attributes=[order])
    assert answer.json()["mode"] == "credit"
    attribute = CourseEnrollment.objects.get(user=ana).attributes.get()
    assert (attribute.namespace, attribute.name, attribute.value) == ("order", "order_number", "EDX-1")


def test_16i_an_item_without_a_value_refuses_although_the_enrollment_is_stored(as_user, ana, run):
    answer = ask(as_user(ana), run, enrollment_attributes=[{"namespace": "order", "name": "order_number"}])
    assert (answer.status_code, answer.json()) == (400, generic(ana, run, "invalid-attributes"))
    assert stored(ana, run) == ("audit", True)


# --- 17: cohort -----------------------------------------------------------------------------------------------------


@pytest.fixture
def cohorts(run):
    return [Cohort.objects.create(course_id=run.id, name=name) for name in ("blue", "green")]


@pytest.mark.parametrize("name", ["purple", "", 5, ["blue"], {}, False])
def test_17_an_unknown_cohort_is_400_and_the_enrollment_stays(as_user, ana, run, cohorts, name):
    Cohort.objects.create(course_id=CourseRunFactory().id, name="purple")
    answer = ask(as_user(ana), run, cohort=name, email_opt_in=True)
    assert answer.status_code == 400
    assert answer.json() == {"message": f"An error occured while adding to cohort [{name}]"}
    assert stored(ana, run) == ("audit", True)
    assert not UserOrgTag.objects.exists()


def test_17_a_learner_joins_stays_in_and_moves_between_cohorts(staff, as_user, ana, run, cohorts):
    assert ask(as_user(ana), run, cohort="blue").status_code == 200
    for mode, name in (("verified", "blue"), ("audit", "green"), ("verified", "blue")):
        assert ask(staff, run, user="ana", mode=mode, cohort=name).json()["mode"] == mode
        assert CohortMembership.objects.get(user=ana).cohort.name == name


# --- 18: e-mail opt-in ----------------------------------------------------------------------------------------------


def opt_ins(user):
    return dict(UserOrgTag.objects.filter(user=user, key="email-optin").values_list("org", "value"))


@pytest.mark.parametrize(("value", "wanted"), [(True, "True"), (False, "False")])
def test_18_the_opt_in_is_the_callers_for_the_org_of_the_run(as_user, ana, run, value, wanted):
    boss = UserFactory(staff=True)
    ask(as_user(boss), run, user="ana", email_opt_in=value)
    assert (opt_ins(boss), opt_ins(ana)) == ({"Acme": wanted}, {})


def test_18_it_can_be_changed(as_user, ana):
    for value in (True, False):
        ask(as_user(ana), CourseRunFactory(), email_opt_in=value)
    assert opt_ins(ana) == {"Acme": "False"}


def test_18_a_child_is_never_opted_in(as_user, ana, run):
    ana.profile.year_of_birth = timezone.now().year - 12
    ana.profile.save()
    ask(as_user(ana), run, email_opt_in=True)
    assert opt_ins(ana) == {"Acme": "False"}


@pytest.mark.parametrize("value", ["perhaps", 1, [True]])
def test_18_what_is_not_clearly_a_yes_is_a_no(as_user, ana, run, value):
    assert ask(as_user(ana), run, email_opt_in=value).status_code == 200
    assert opt_ins(ana) == {"Acme": "False"}


def test_18_null_stores_nothing_and_the_bare_api_key_has_nobody_to_store_for(as_user, by_api_key, ana, run):
    assert ask(as_user(ana), run, email_opt_in=None).status_code == 200
    assert ask(by_api_key, run, user="ana", mode="verified", email_opt_in=True).status_code == 200
    assert not UserOrgTag.objects.exists()


# --- Cost -----------------------------------------------------------------------------------------------------------


def test_creating_costs_a_fixed_number_of_statements(as_user, ana, run, django_assert_max_num_queries):
    client = as_user(ana)
    client.get("/api/enrollment/v1/enrollment")
    with django_assert_max_num_queries(13):
        assert ask(client, run).status_code == 200


def test_asking_for_what_is_so_already_costs_a_fixed_number_of_statements(
    as_user, ana, run, django_assert_max_num_queries
):
    client = as_user(ana)
    ask(client, run)
    with django_assert_max_num_queries(8):
        assert ask(client, run).status_code == 200
