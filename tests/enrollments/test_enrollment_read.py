"""GET enrollment, for one run and for all (contract: enrollment-api)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import DatabaseError
from django.utils import timezone

from enrollments.models import CourseEnrollment
from enrollments.serializers import enrollments as wire
from tests.enrollments.calls import ENROLLMENT
from tests.factories import (
    CourseAccessRoleFactory,
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
MOMENT = datetime(2031, 1, 10, 8, 30, 0, 120000, tzinfo=UTC)


@pytest.fixture
def maria():
    return UserFactory(username="maria")


@pytest.fixture
def run():
    return CourseRunFactory(
        id="course-v1:Acme+PHYS101+2031_T1",
        display_name="Physics for Beginners",
        enrollment_start=datetime(2025, 1, 5, tzinfo=UTC),
        start=datetime(2031, 2, 1, 9, tzinfo=UTC),
    )


# --- One enrollment -------------------------------------------------------------------------------------------------


def test_an_enrollment_shows_its_run_and_the_modes_that_are_not_expired(as_user, maria, run):
    CourseModeFactory(
        course_id=run.id,
        mode_slug="verified",
        mode_display_name="Verified Certificate",
        min_price=79,
        expiration_datetime=datetime(2099, 3, 1, tzinfo=UTC),
        sku="AB12CD3",
    )
    CourseModeFactory(course_id=run.id, mode_slug="honor", expired=True)
    CourseModeFactory(course_id=run.id, mode_slug="credit", mode_display_name="Credit")
    CourseEnrollmentFactory(user=maria, course_id=run.id, mode="verified", created=MOMENT)
    answer = as_user(maria).get(f"{ENROLLMENT}/maria,{run.id}")
    empty = {"description": None, "bulk_sku": None, "suggested_prices": "", "currency": "usd"}
    assert answer.status_code == 200
    assert answer.json() == {
        "created": "2031-01-10T08:30:00.120000Z",
        "mode": "verified",
        "is_active": True,
        "user": "maria",
        "course_details": {
            "course_id": "course-v1:Acme+PHYS101+2031_T1",
            "course_name": "Physics for Beginners",
            "enrollment_start": "2025-01-05T00:00:00Z",
            "enrollment_end": None,
            "course_start": "2031-02-01T09:00:00Z",
            "course_end": None,
            "invite_only": False,
            "pacing_type": "Instructor Paced",
            "course_modes": [
                {
                    "slug": "verified",
                    "name": "Verified Certificate",
                    "min_price": 79,
                    "expiration_datetime": "2099-03-01T00:00:00Z",
                    "sku": "AB12CD3",
                    **empty,
                },
                {"slug": "credit", "name": "Credit", "min_price": 0, "expiration_datetime": None, "sku": None, **empty},
            ],
        },
    }


def test_a_run_without_unexpired_modes_offers_the_built_in_audit_mode(as_user, maria, run):
    CourseModeFactory(course_id=run.id, mode_slug="verified", expired=True)
    CourseEnrollmentFactory(user=maria, course_id=run.id, mode="verified")
    answer = as_user(maria).get(f"{ENROLLMENT}/{run.id}", {"include_expired": "1"})
    assert answer.json()["course_details"]["course_modes"] == [
        {
            "slug": "audit",
            "name": "Audit",
            "min_price": 0,
            "suggested_prices": "",
            "currency": "usd",
            "expiration_datetime": None,
            "description": None,
            "sku": None,
            "bulk_sku": None,
        }
    ]


def test_suggested_prices_stay_a_text_and_self_paced_runs_say_so(as_user, maria):
    run = CourseRunFactory(self_paced=True, invitation_only=True)
    CourseModeFactory(course_id=run.id, mode_slug="honor", suggested_prices="10,20")
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    details = as_user(maria).get(f"{ENROLLMENT}/{run.id}").json()["course_details"]
    assert (details["pacing_type"], details["invite_only"]) == ("Self Paced", True)
    assert details["course_modes"][0]["suggested_prices"] == "10,20"


def test_a_run_without_a_name_is_called_after_its_key(as_user, maria):
    run = CourseRunFactory(id="course-v1:Acme+PHYS+spring_term", display_name=None)
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    assert as_user(maria).get(f"{ENROLLMENT}/{run.id}").json()["course_details"]["course_name"] == "spring term"


@pytest.mark.parametrize("spelling", ["{}", "maria,{}"])
def test_the_short_form_means_the_callers_own_enrollment(as_user, maria, run, spelling):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    assert as_user(maria).get(f"{ENROLLMENT}/{spelling.format(run.id)}").json()["user"] == "maria"


def test_plus_signs_of_a_key_may_be_escaped(as_user, maria, run):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    escaped = run.id.replace("+", "%2B").replace(":", "%3A")
    assert as_user(maria).get(f"{ENROLLMENT}/maria,{escaped}").json()["user"] == "maria"


@pytest.mark.parametrize("username", ["dot.ted", "with space", "at@example.org", "plus+sign", "und_er", "hy-phen"])
def test_usernames_of_every_kind_stand_in_the_address(as_user, run, username):
    user = UserFactory(username=username, email="someone@learners.example")
    CourseEnrollmentFactory(user=user, course_id=run.id)
    answer = as_user(UserFactory(staff=True)).get(f"{ENROLLMENT}/{username},{run.id}")
    assert answer.json()["user"] == username


def test_an_old_style_key_stands_in_the_address(as_user, maria):
    CourseRunFactory(id="Acme/PHYS101/2031", org="Acme")
    CourseEnrollmentFactory(user=maria, course_id="Acme/PHYS101/2031")
    details = as_user(maria).get(f"{ENROLLMENT}/Acme/PHYS101/2031").json()["course_details"]
    assert details["course_id"] == "Acme/PHYS101/2031"


def test_an_inactive_enrollment_is_shown(as_user, maria, run):
    CourseEnrollmentFactory(user=maria, course_id=run.id, is_active=False)
    assert as_user(maria).get(f"{ENROLLMENT}/{run.id}").json()["is_active"] is False


def test_an_enrollment_whose_run_is_gone_has_no_details(as_user, maria):
    CourseEnrollmentFactory(user=maria, course_id="course-v1:Gone+Gone+1")
    answer = as_user(maria).get(f"{ENROLLMENT}/course-v1:Gone+Gone+1")
    assert answer.json()["course_details"] is None


@pytest.mark.parametrize("who", ["maria", "nobody-here"])
@pytest.mark.parametrize("key", ["course-v1:Acme+PHYS101+2031_T1", "course-v1:No+Such+Run"])
def test_no_enrollment_unknown_user_and_unknown_run_are_200_with_no_bytes(as_user, maria, run, who, key):
    answer = as_user(UserFactory(staff=True)).get(f"{ENROLLMENT}/{who},{key}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "Content-Type" not in answer.headers


def test_the_bare_api_key_asks_for_the_user_without_a_name(by_api_key, run):
    answer = by_api_key.get(f"{ENROLLMENT}/{run.id}")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_learner_asking_for_another_learner_gets_404_with_an_empty_body(as_user, maria, run):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    for other in (UserFactory(), UserFactory(superuser=True), CourseAccessRoleFactory(course_id=run.id).user):
        answer = as_user(other).get(f"{ENROLLMENT}/maria,{run.id}")
        assert (answer.status_code, answer.content) == (404, b"")
        assert "Content-Type" not in answer.headers


def test_the_own_name_in_other_capitals_is_another_learner(as_user, maria, run):
    assert as_user(maria).get(f"{ENROLLMENT}/Maria,{run.id}").status_code == 404


def test_staff_and_the_api_key_see_every_learner(as_user, by_api_key, maria, run):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    for caller in (as_user(UserFactory(staff=True)), by_api_key):
        assert caller.get(f"{ENROLLMENT}/maria,{run.id}").json()["user"] == "maria"


@pytest.mark.parametrize("key", ["a+b+c", "course-v1:Acme+PHYS101+2031_T1\n", "course-v1:A+B+C D", "ccx-v1:A+B+C"])
def test_a_key_that_does_not_parse_is_a_lookup_error(as_user, maria, key):
    answer = as_user(maria).get(f"{ENROLLMENT}/{quote(key)}")
    assert answer.status_code == 400
    assert answer.json() == {
        "message": f"An error occurred while retrieving enrollments for user 'maria' in course '{key}'"
    }


def test_whether_the_caller_may_know_is_asked_before_whether_the_key_parses(as_user, maria):
    UserFactory(username="other")
    assert as_user(maria).get(f"{ENROLLMENT}/other,a+b+c").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"{ENROLLMENT}/",
        f"{ENROLLMENT}/course-v1:Acme+PHYS101+2031_T1/",
        f"{ENROLLMENT}/maria,course-v1:Acme+PHYS101+2031_T1/",
        f"{ENROLLMENT}/course-v1:Acme+PHYS101",
        "/api/enrollment/v1/course/course-v1:Acme+PHYS101+2031_T1/",
    ],
)
def test_other_spellings_of_the_address_are_404(as_user, maria, run, path):
    assert as_user(maria).get(path).status_code == 404


def test_a_read_costs_four_statements_with_authentication(as_user, maria, run, django_assert_num_queries):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    client = as_user(maria)
    client.get(f"{ENROLLMENT}/{run.id}")  # reads the rate-limit switch, which is then remembered
    with django_assert_num_queries(4):
        client.get(f"{ENROLLMENT}/{run.id}")


# --- All enrollments of a learner -----------------------------------------------------------------------------------


def keys(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["course_details"]["course_id"] for row in answer.json()]


def test_active_enrollments_are_listed_by_creation(as_user, maria):
    runs = [CourseRunFactory() for _ in range(3)]
    for days, run in zip((2, 3, 1), runs, strict=True):
        CourseEnrollmentFactory(user=maria, course_id=run.id, created=timezone.now() - timedelta(days=days))
    CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory().id, is_active=False)
    CourseEnrollmentFactory(user=maria, course_id="course-v1:Gone+Gone+1")
    CourseEnrollmentFactory(course_id=runs[0].id)
    assert keys(as_user(maria).get(ENROLLMENT)) == [runs[1].id, runs[0].id, runs[2].id]


def test_enrollments_of_a_list_look_like_one_that_is_read_alone(as_user, maria, run):
    CourseModeFactory(course_id=run.id)
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    client = as_user(maria)
    assert client.get(ENROLLMENT).json() == [client.get(f"{ENROLLMENT}/{run.id}").json()]


def test_staff_and_the_api_key_list_any_learner(as_user, by_api_key, maria, run):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    for caller in (as_user(UserFactory(staff=True)), by_api_key):
        assert keys(caller.get(ENROLLMENT, {"user": "maria"})) == [run.id]
        assert keys(caller.get(ENROLLMENT, {"user": "nobody-here"})) == []
    assert keys(by_api_key.get(ENROLLMENT)) == []


@pytest.mark.parametrize("role", ["staff", "limited_staff", "instructor"])
def test_course_staff_see_other_learners_in_their_runs_only(as_user, maria, run, role):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory().id)
    tutor = CourseAccessRoleFactory(course_id=run.id, role=role).user
    assert keys(as_user(tutor).get(ENROLLMENT, {"user": "maria"})) == [run.id]


@pytest.mark.parametrize(
    ("role", "course_id"), [("beta_testers", "course-v1:Acme+PHYS101+2031_T1"), ("staff", ""), ("data_researcher", "")]
)
def test_other_roles_and_roles_on_an_organisation_do_not_count(as_user, maria, run, role, course_id):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    other = CourseAccessRoleFactory(org="Acme", course_id=course_id, role=role).user
    assert keys(as_user(other).get(ENROLLMENT, {"user": "maria"})) == []


def test_inactive_course_staff_and_superusers_see_nothing_of_others(as_user, maria, run):
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    dozy = CourseAccessRoleFactory(user=UserFactory(is_active=False), course_id=run.id).user
    for caller in (dozy, UserFactory(superuser=True), UserFactory()):
        assert keys(as_user(caller).get(ENROLLMENT, {"user": "maria"})) == []


def test_inactive_learners_see_their_own(as_user, run):
    user = UserFactory(is_active=False)
    CourseEnrollmentFactory(user=user, course_id=run.id)
    assert keys(as_user(user).get(ENROLLMENT)) == [run.id]


def only_acme(queryset, *, caller, username):
    """A filter as a deployment may plug one in."""
    assert (caller.username, username) == ("maria", "maria")
    return queryset.filter(course_id__startswith="course-v1:Acme+")


def test_a_pluggable_filter_narrows_the_list(as_user, maria, run, settings):
    settings.ENROLLMENT_LIST_FILTERS = [f"{__name__}.only_acme"]
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory(id="course-v1:Other+X+1").id)
    assert keys(as_user(maria).get(ENROLLMENT)) == [run.id]


def test_a_failing_database_is_a_lookup_error(as_user, maria, run, monkeypatch):
    def fail(*args, **kwargs):
        raise DatabaseError("gone")

    for name in ("enrollment_of", "active_enrollments_of"):
        monkeypatch.setattr(f"enrollments.views.enrollment.{name}", fail)
    text = "An error occurred while retrieving enrollments for user 'maria'"
    for path, message in ((ENROLLMENT, text), (f"{ENROLLMENT}/{run.id}", f"{text} in course '{run.id}'")):
        answer = as_user(maria).get(path)
        assert (answer.status_code, answer.json()) == (400, {"message": message})


@pytest.mark.parametrize("by_other", [False, True])
def test_two_hundred_enrollments_cost_five_statements_at_most(as_user, maria, django_assert_max_num_queries, by_other):
    CourseEnrollment.objects.bulk_create(
        CourseEnrollment(user=maria, course_id=CourseRunFactory(course=None, modes=["audit", "verified"]).id)
        for _ in range(200)
    )
    caller = CourseAccessRoleFactory(course_id=CourseEnrollment.objects.first().course_id).user if by_other else maria
    client = as_user(caller)
    client.get(ENROLLMENT)
    with django_assert_max_num_queries(5):
        rows = client.get(ENROLLMENT, {"user": "maria"}).json()
    assert len(rows) == (1 if by_other else 200)


# --- Who may call ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [ENROLLMENT, f"{ENROLLMENT}/course-v1:Acme+PHYS101+2031_T1"])
class TestCallers:
    def test_without_credentials_it_is_401(self, client, path):
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.json() == {"detail": "Authentication credentials were not provided."}
        assert answer["WWW-Authenticate"] == 'JWT realm="api"'

    def test_a_wrong_api_key_is_no_error_but_nothing_either(self, client, as_user, maria, path):
        assert client.get(path, headers={"X-Edx-Api-Key": "wrong"}).status_code == 401
        assert as_user(maria).get(path, headers={"X-Edx-Api-Key": "wrong"}).status_code == 200

    def test_without_a_configured_key_none_counts(self, by_api_key, settings, path):
        settings.EDX_API_KEY = None
        assert by_api_key.get(path).status_code == 401

    def test_a_bad_token_is_401_even_with_the_api_key(self, by_api_key, path):
        answer = by_api_key.get(path, headers={"Authorization": "JWT nonsense"})
        assert answer.status_code == 401
        assert set(answer.json()) == {"detail"}

    def test_an_unknown_bearer_token_is_401_with_a_code(self, client, path):
        answer = client.get(path, headers={"Authorization": "Bearer nonsense"})
        assert (answer.status_code, answer.json()["error_code"]) == (401, "token_nonexistent")

    def test_restricted_applications_are_403(self, as_user, maria, path):
        answer = as_user(maria, restricted=True).get(path)
        assert answer.status_code == 403
        assert answer.json() == {"detail": "You do not have permission to perform this action."}

    def test_sessions_count_those_of_inactive_accounts_too(self, by_session, path):
        assert by_session(UserFactory(is_active=False)).get(path).status_code == 200

    def test_reading_sets_the_csrf_cookie(self, as_user, maria, path):
        assert as_user(maria).get(path).cookies["csrftoken"].value

    def test_reading_from_another_origin_sets_its_csrf_cookie(self, as_user, maria, settings, path):
        settings.CORS_ORIGIN_WHITELIST = ["https://apps.example.org"]
        settings.CROSS_DOMAIN_CSRF_COOKIE_NAME = "shared-csrf"
        settings.CROSS_DOMAIN_CSRF_COOKIE_DOMAIN = ".example.org"
        client = as_user(maria)
        referer = {"Referer": "https://apps.example.org/page"}
        cookie = client.get(path, headers=referer, secure=True).cookies["shared-csrf"]
        assert (cookie["domain"], bool(cookie["secure"])) == (".example.org", True)
        for other in (
            {"secure": False, "headers": referer},
            {"secure": True, "headers": {"Referer": "https://x.org/"}},
        ):
            assert "shared-csrf" not in client.get(path, **other).cookies


def test_other_methods_are_405(as_user, maria):
    client = as_user(maria)
    assert client.delete(ENROLLMENT).status_code == 405
    assert client.post(f"{ENROLLMENT}/course-v1:A+B+C").status_code == 405


# --- The schema says what the builders make -------------------------------------------------------------------------


def assert_same_shape(serializer: Any, body: Any) -> None:
    """Keys and kinds of values of a described object and a built one."""
    assert set(serializer.fields) == set(body)
    for name, field in serializer.fields.items():
        if isinstance(field, wire.serializers.ListSerializer):
            assert_same_shape(field.child, body[name][0])
        elif isinstance(field, wire.serializers.BaseSerializer):
            assert_same_shape(field, body[name])
        else:
            field.run_validation(body[name])


def test_the_described_enrollment_is_the_one_that_is_built(as_user, maria, run):
    CourseModeFactory(course_id=run.id)
    CourseEnrollmentFactory(user=maria, course_id=run.id)
    assert_same_shape(wire.EnrollmentSerializer(), as_user(maria).get(f"{ENROLLMENT}/{run.id}").json())


# --- What the list keeps between requests ---------------------------------------------------------------------------


def test_the_list_shows_each_enrollment_as_it_is_shown_alone(as_user, run):
    learner = UserFactory(username="o.b-r_1@x+y")
    run.display_name = 'Line\u2028end, "quotes", back\\slash, ünï and <script>'
    run.save()
    CourseModeFactory(course_id=run.id, mode_slug='od"d', mode_display_name="\u2603")
    CourseEnrollmentFactory(user=learner, course_id=run.id, mode='od"d', created=MOMENT)
    caller = as_user(learner)
    assert caller.get(ENROLLMENT).json() == [caller.get(f"{ENROLLMENT}/{quote(run.id)}").json()]


def test_the_list_shows_a_changed_run_and_its_changed_modes_at_once(as_user, maria, run):
    mode = CourseModeFactory(course_id=run.id, mode_slug="verified")
    CourseEnrollmentFactory(user=maria, course_id=run.id, mode="verified")
    caller = as_user(maria)
    assert [each["slug"] for each in caller.get(ENROLLMENT).json()[0]["course_details"]["course_modes"]] == ["verified"]
    # Written past every signal, as a bulk update would.
    type(run).objects.filter(pk=run.pk).update(display_name="Renamed", self_paced=True)
    type(mode).objects.filter(pk=mode.pk).update(expiration_datetime=timezone.now() - timedelta(seconds=1))
    shown = caller.get(ENROLLMENT).json()[0]["course_details"]
    assert (shown["course_name"], shown["pacing_type"]) == ("Renamed", "Self Paced")
    assert [each["slug"] for each in shown["course_modes"]] == ["audit"]
