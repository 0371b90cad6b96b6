"""`program_enrollments_inspector_details/` (contract: support; clients 4.2)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from program_enrollments.models import ProgramCourseEnrollment
from tests.factories import CourseEnrollmentFactory, UserFactory, VerificationFactory
from tests.program_enrollments.scenes import program_of, runs
from tests.program_enrollments.students import identity, provider, student
from tests.support.agents import ANONYMOUS, agent

URL = "/support/program_enrollments_inspector_details/"
NOTHING_GIVEN = (
    "To perform a search, you must provide either the student's (a) edX username, (b) email address associated with "
    "their edX account, or (c) Identity-providing institution and external key!"
)
NO_VERIFICATION = {
    "status": "none", "error": "", "should_display": True, "status_date": "", "verification_expiry": "",
}  # fmt: skip
MOMENT = datetime(2024, 2, 1, 9, 30, 0, 123456, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def search(as_user):
    """`search(edx_user="mira")` is the answer; it is always a 200."""
    caller = as_user(agent())

    def get(**parameters):
        response = caller.get(URL, parameters)
        assert response.status_code == 200
        return response.json()

    return get


def learner(answer):
    assert answer["error"] == ""
    return answer["learner_program_enrollments"]


def keys(answer):
    return [row["external_user_key"] for row in learner(answer)["enrollments"]]


# --- Who may ----------------------------------------------------------------------------------------------------------


def test_an_anonymous_caller_is_told_to_sign_in(client):
    response = client.get(URL)
    assert (response.status_code, response.json()) == (401, ANONYMOUS)


def test_a_caller_without_support_permission_gets_an_empty_403(as_user, mira):
    response = as_user(mira).get(URL, {"edx_user": "mira"})
    assert (response.status_code, response.content) == (403, b"")


@pytest.mark.parametrize("make", [agent, lambda: UserFactory(staff=True)])
@pytest.mark.parametrize("path", [URL, URL.rstrip("/")])
def test_agents_and_staff_may_look_with_or_without_the_slash(as_user, make, path):
    assert as_user(make()).get(path).status_code == 200


def test_a_session_does_as_well(by_session, mira):
    assert learner(by_session(agent()).get(URL, {"edx_user": "mira"}).json())["user"]["username"] == "mira"


def test_writing_is_no_method(as_user):
    assert as_user(agent()).post(URL, {}).status_code == 405


# --- By account -------------------------------------------------------------------------------------------------------


def test_a_whole_answer(search, mira):
    run = runs(1)[0]
    provider("oak", "OakU")
    program = program_of(run, organizations=("OakU",), title="Master of Biology")
    identity(mira, "oak:K-77")
    made = student(program, "K-77", user=mira, created=MOMENT, modified=MOMENT)
    CourseEnrollmentFactory(user=mira, course_id="course-v1:Acme+Other+R1")
    enrollment = CourseEnrollmentFactory(user=mira, course_id=run.pk, mode="masters")
    row = {"program_enrollment": made, "course_key": run.pk, "status": "active", "created": MOMENT, "modified": MOMENT}
    ProgramCourseEnrollment.objects.create(**row, course_enrollment=enrollment)
    answer = search(edx_user="mira", org_key="OakU")
    assert answer == {
        "error": "",
        "learner_program_enrollments": {
            "user": {"username": "mira", "email": "mira@oak.example", "sso_list": [{"uid": "oak:K-77"}]},
            "enrollments": [
                {
                    "created": "2024-02-01T09:30:00",
                    "modified": "2024-02-01T09:30:00",
                    "external_user_key": "K-77",
                    "status": "enrolled",
                    "program_uuid": str(program.pk),
                    "program_course_enrollments": [
                        {
                            "created": "2024-02-01T09:30:00",
                            "modified": "2024-02-01T09:30:00",
                            "status": "active",
                            "course_key": run.pk,
                            "course_enrollment": {"course_id": run.pk, "is_active": True, "mode": "masters"},
                            "course_url": f"/courses/{run.pk}/course/",
                        }
                    ],
                    "program_name": "Master of Biology",
                }
            ],
            "id_verification": NO_VERIFICATION,
        },
        "org_keys": "OakU",
    }
    assert list(answer) == ["error", "learner_program_enrollments", "org_keys"]


@pytest.mark.parametrize("text", ["mira", " mira ", "mira@oak.example"])
def test_an_account_is_found_by_name_and_by_address_without_blanks(search, mira, text):
    assert learner(search(edx_user=text)) == {
        "user": {"username": "mira", "email": "mira@oak.example"},
        "id_verification": NO_VERIFICATION,
    }


@pytest.mark.parametrize("text", ["Mira", "nobody", "x" * 4000, "mira'--", "%"])
def test_an_unknown_account_is_named(search, mira, text):
    answer = search(edx_user=text)
    assert answer["learner_program_enrollments"] == {}
    assert answer["error"] == f"Could not find edx account with {text}"


def test_the_account_wins_over_organisation_and_key(search, mira):
    provider("oak", "OakU")
    program = program_of(organizations=("OakU",))
    student(program, "K-1", user=mira)
    student(program, "K-2")
    assert keys(search(edx_user="mira", org_key="OakU", external_user_key="K-2")) == ["K-1"]
    assert search(edx_user="nobody", org_key="OakU", external_user_key="K-2")["learner_program_enrollments"] == {}


def test_enrollments_are_those_linked_with_the_account_in_every_program_the_oldest_first(search, mira):
    first = student(program_of(), "K-1", user=mira, status="canceled")
    second = student(program_of(), None, user=mira)
    student(program_of(), "K-1")
    rows = learner(search(edx_user="mira"))["enrollments"]
    assert [row["program_uuid"] for row in rows] == [str(first.program_uuid), str(second.program_uuid)]
    assert [row["external_user_key"] for row in rows] == ["K-1", None]
    assert [row["status"] for row in rows] == ["canceled", "enrolled"]


@pytest.mark.parametrize(("status", "name"), [("active", "Botany"), ("retired", "Botany"), ("deleted", "")])
def test_a_program_that_is_not_known_has_a_blank_name(search, mira, status, name):
    student(program_of(status=status, title="Botany"), "K-1", user=mira)
    assert learner(search(edx_user="mira"))["enrollments"][0]["program_name"] == name


def test_a_row_of_a_run_may_have_no_enrollment(search, mira):
    run = runs(1)[0]
    student(program_of(run), "K-1", run, user=mira, run_status="inactive")
    row = learner(search(edx_user="mira"))["enrollments"][0]["program_course_enrollments"][0]
    assert (row["course_enrollment"], row["status"]) == (None, "inactive")


def test_the_id_verification_is_shown_with_a_moment_to_the_second(search, mira):
    VerificationFactory(user=mira, status="approved", created_at=MOMENT, status_changed=MOMENT)
    assert learner(search(edx_user="mira"))["id_verification"] == {
        "status": "approved",
        "error": "",
        "should_display": True,
        "status_date": "2024-02-01T09:30:00",
        "verification_expiry": "",
    }


# --- Identities -------------------------------------------------------------------------------------------------------


@pytest.fixture
def identities(mira):
    """Identities at two schools and at a provider of another kind; one of the schools has an enabled provider."""
    provider("oak", "OakU")
    for uid, kind in (("oak:K-1", "tpa-saml"), ("fir:9", "tpa-saml"), ("mira@g.example", "google-oauth2")):
        identity(mira, uid, kind)
    identity(UserFactory(), "oak:K-2")


def uids(answer):
    return [each["uid"] for each in learner(answer)["user"]["sso_list"]]


def test_all_identities_of_the_account_are_listed(search, identities):
    assert uids(search(edx_user="mira")) == ["oak:K-1", "fir:9", "mira@g.example"]


@pytest.mark.parametrize("organization", ["OakU"])
def test_with_an_organisation_that_has_a_provider_only_saml_identities_are_listed(search, identities, organization):
    for answer in (
        search(edx_user="mira", org_key=organization),
        search(org_key=organization, external_user_key="K-1"),
    ):
        assert uids(answer) == ["oak:K-1", "fir:9"]


@pytest.mark.parametrize("organization", ["nowhere", "FirU"])
def test_an_organisation_without_a_provider_leaves_all_of_them(search, identities, organization):
    provider("fir", "FirU", enabled=False)
    assert uids(search(edx_user="mira", org_key=organization)) == ["oak:K-1", "fir:9", "mira@g.example"]


# --- By school and key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["K-77", "k-77", " K-77 "])
def test_a_key_leads_to_the_account_with_its_enrollments_ignoring_case(search, mira, key):
    provider("oak", "OakU")
    identity(mira, "oak:K-77")
    student(program_of(organizations=("OakU",)), "K-77", user=mira)
    answer = search(org_key=" OakU ", external_user_key=key)
    assert learner(answer)["user"]["username"] == "mira"
    assert learner(answer)["id_verification"] == NO_VERIFICATION
    assert keys(answer) == ["K-77"]
    assert answer["org_keys"] == "OakU"


def test_an_account_without_enrollments_under_the_key_has_no_list_of_them(search, mira):
    provider("oak", "OakU")
    identity(mira, "oak:K-77")
    student(program_of(), "K-1", user=mira)
    assert "enrollments" not in learner(search(org_key="OakU", external_user_key="K-77"))


def test_each_enabled_provider_of_the_school_is_asked(search, mira):
    provider("oak", "OakU")
    provider("oak-new", "OakU")
    identity(mira, "oak-new:K-77")
    assert learner(search(org_key="OakU", external_user_key="K-77"))["user"]["username"] == "mira"


@pytest.mark.parametrize("newest", [{"enabled": False}, {"organization": "Other"}, {"archived": True}])
def test_a_provider_that_is_no_longer_the_schools_does_not_lead_to_the_account(search, mira, newest):
    provider("oak", "OakU")
    provider("oak", **{"organization": "OakU", **newest})
    identity(mira, "oak:K-77")
    answer = search(org_key="OakU", external_user_key="K-77")
    assert answer["error"] == "No user found for external key K-77 for institution OakU"


@pytest.mark.parametrize(("uid", "kind"), [("fir:K-77", "tpa-saml"), ("oak:K-77", "google-oauth2")])
def test_identities_elsewhere_do_not_lead_to_the_account(search, mira, uid, kind):
    provider("oak", "OakU")
    provider("fir", "FirU")
    identity(mira, uid, kind)
    assert search(org_key="OakU", external_user_key="K-77")["learner_program_enrollments"] == {}


@pytest.mark.parametrize("organization", ["OakU", "Unknown"])
def test_a_key_without_an_account_shows_what_waits_for_it_at_whatever_school(search, organization):
    provider("oak", "OakU")
    student(program_of(organizations=("Elsewhere",)), "K-77")
    answer = search(org_key=organization, external_user_key="k-77")
    assert learner(answer)["user"] == {"external_user_key": "k-77"}
    assert keys(answer) == ["K-77"]
    assert "id_verification" not in learner(answer)


def test_a_key_that_nobody_has_is_named_with_the_school(search):
    answer = search(org_key="OakU", external_user_key="K-77")
    assert answer == {
        "error": "No user found for external key K-77 for institution OakU",
        "learner_program_enrollments": {},
        "org_keys": "OakU",
    }


# --- What is not given ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"org_key": "OakU"},
        {"external_user_key": "K-77"},
        {"edx_user": "", "org_key": " ", "external_user_key": ""},
        {"edx_user": "null", "org_key": "null", "external_user_key": "undefined"},
        {"edx_user": "undefined", "org_key": "OakU", "external_user_key": "null"},
    ],
)
def test_without_an_account_or_a_school_and_a_key_nothing_is_searched(search, mira, parameters):
    student(program_of(), "K-77", user=mira)
    answer = search(**parameters)
    assert answer["error"] == NOTHING_GIVEN
    assert answer["learner_program_enrollments"] == {}
    given = parameters.get("org_key", "").strip()
    assert answer["org_keys"] == ("" if given == "null" else given)


@pytest.mark.parametrize("word", ["null", "undefined"])
def test_the_words_for_unset_do_not_stand_in_the_way_of_a_search_by_key(search, word):
    student(program_of(), "K-77")
    assert keys(search(edx_user=word, org_key="OakU", external_user_key="K-77")) == ["K-77"]


# --- Costs ------------------------------------------------------------------------------------------------------------


def test_many_enrollments_cost_as_many_statements_as_one(as_user, mira):
    caller = as_user(agent())
    provider("oak", "OakU")
    identity(mira, "oak:K-0")

    def cost():
        with CaptureQueriesContext(connection) as statements:
            rows = caller.get(URL, {"edx_user": "mira", "org_key": "OakU"}).json()
        return len(statements), len(rows["learner_program_enrollments"]["enrollments"])

    in_runs = runs(3)
    student(program_of(*in_runs), "K-0", in_runs[0], user=mira)
    few, one = cost()
    for number in range(1, 8):
        made = student(program_of(*in_runs), f"K-{number}", user=mira)
        for run in in_runs:
            enrollment, _ = mira.enrollments.get_or_create(course_id=run.pk, mode="masters")
            ProgramCourseEnrollment.objects.create(
                program_enrollment=made, course_key=run.pk, status="active", course_enrollment=enrollment
            )
    many, eight = cost()
    assert (one, eight) == (1, 8)
    assert many == few
