"""enrollment_allowed (contract: enrollment-api)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from enrollments.models import CourseEnrollmentAllowed
from enrollments.serializers.enrollments import EnrollmentAllowedSerializer
from tests.enrollments.calls import stored
from tests.factories import CourseEnrollmentAllowedFactory, CourseEnrollmentFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db
URL = "/api/enrollment/v1/enrollment_allowed/"
RUN = "course-v1:Acme+PHYS101+2031_T1"
EMAIL = "new@acme.example"
PAIR = {"email": EMAIL, "course_id": RUN}
MISSING = {"message": "Please provide a value for 'email' and 'course_id' in the request data."}


@pytest.fixture
def staff(as_user):
    return as_user(UserFactory(username="boss", email="boss@staff.example", staff=True))


# --- GET ------------------------------------------------------------------------------------------------------------


def test_the_allowances_of_an_address_are_listed(staff, django_assert_num_queries):
    row = CourseEnrollmentAllowedFactory(
        email=EMAIL, course_id=RUN, user=UserFactory(), created=datetime(2031, 1, 2, tzinfo=UTC)
    )
    CourseEnrollmentAllowedFactory(email="New@acme.example", course_id=RUN)
    with django_assert_num_queries(2):
        answer = staff.get(URL, {"email": EMAIL})
    assert answer.status_code == 200
    assert answer.json() == [
        {
            "email": EMAIL,
            "course_id": RUN,
            "auto_enroll": False,
            "user": row.user_id,
            "created": "2031-01-02T00:00:00Z",
        }
    ]
    assert set(EnrollmentAllowedSerializer().fields) == set(answer.json()[0])


def test_without_an_address_the_callers_own_are_listed(staff):
    CourseEnrollmentAllowedFactory(email=EMAIL, course_id=RUN)
    CourseEnrollmentAllowedFactory(email="boss@staff.example", course_id=RUN)
    assert [row["email"] for row in staff.get(URL).json()] == ["boss@staff.example"]
    assert staff.get(URL, {"email": "nobody@acme.example"}).json() == []


# --- POST -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "multipart"])
def test_an_address_is_allowed_by_json_and_by_form(staff, kind):
    answer = staff.post(URL, PAIR, format=kind)
    assert answer.status_code == 201
    assert {**answer.json(), "created": None} == {**PAIR, "auto_enroll": False, "user": None, "created": None}
    assert answer.json()["created"].endswith("Z")


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("json", True, True),
        ("json", False, False),
        ("multipart", "true", True),
        ("multipart", "True", True),
        ("multipart", "false", False),
    ],
)
def test_auto_enroll_is_a_boolean_and_a_word_in_forms(staff, kind, value, wanted):
    assert staff.post(URL, {**PAIR, "auto_enroll": value}, format=kind).json()["auto_enroll"] is wanted


def test_the_run_need_not_exist_and_an_existing_account_is_not_enrolled(staff):
    run = CourseRunFactory()
    user = UserFactory(email=EMAIL)
    answer = staff.post(URL, {"email": EMAIL, "course_id": run.id, "auto_enroll": True}, format="json")
    assert (answer.status_code, answer.json()["user"]) == (201, None)
    assert stored(user, run) is None


@pytest.mark.parametrize(
    "body",
    [{}, {"email": EMAIL}, {"course_id": RUN}, {**PAIR, "email": ""}, {**PAIR, "course_id": None}, [], "x", None],
)
def test_without_address_or_run_it_is_400(staff, body):
    for call in (staff.post, staff.delete):
        answer = call(URL, body, format="json")
        assert (answer.status_code, answer.json()) == (400, MISSING)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"course_id": "a+b+c"}, "'a+b+c' is not a valid course id."),
        ({"course_id": 5}, "'5' is not a valid course id."),
        ({"course_id": "course-v1:Acme+X+" + "1" * 255}, None),
        ({"email": "a" * 256}, None),
        ({"email": ["a@b.c"]}, None),
        ({"auto_enroll": "maybe"}, None),
        ({"auto_enroll": "true"}, None),
        ({"auto_enroll": 1}, None),
        ({"auto_enroll": None}, None),
        ({"auto_enroll": [True]}, None),
    ],
)
def test_values_that_cannot_be_stored_are_400_with_a_message(staff, fields, text):
    answer = staff.post(URL, {**PAIR, **fields}, format="json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"message"}
    assert text is None or answer.json()["message"] == text
    assert not CourseEnrollmentAllowed.objects.exists()


def test_a_word_that_is_no_boolean_is_400_in_forms(staff):
    assert staff.post(URL, {**PAIR, "auto_enroll": "maybe"}, format="multipart").status_code == 400


def test_the_same_pair_again_is_409_and_the_row_stays_as_it_is(staff):
    staff.post(URL, PAIR, format="json")
    answer = staff.post(URL, {**PAIR, "auto_enroll": True}, format="json")
    assert answer.status_code == 409
    assert answer.json() == {"message": f"An enrollment allowed with email {EMAIL} and course {RUN} already exists."}
    assert CourseEnrollmentAllowed.objects.get().auto_enroll is False


# --- DELETE ---------------------------------------------------------------------------------------------------------


def test_a_used_allowance_is_deleted_and_the_enrollment_stays(staff):
    user = UserFactory(email=EMAIL)
    CourseEnrollmentFactory(user=user, course_id=RUN)
    CourseEnrollmentAllowedFactory(email=EMAIL, course_id=RUN, user=user)
    answer = staff.delete(URL, PAIR, format="json")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not CourseEnrollmentAllowed.objects.exists()
    assert stored(user, RUN) == ("audit", True)


@pytest.mark.parametrize("fields", [{}, {"email": "New@acme.example"}, {"course_id": "a+b+c"}, {"course_id": 5}])
def test_what_is_not_there_is_404(staff, fields):
    if fields:
        CourseEnrollmentAllowedFactory(email=EMAIL, course_id=RUN)
    wanted = {**PAIR, **fields}
    answer = staff.delete(URL, wanted, format="json")
    assert answer.status_code == 404
    assert answer.json() == {
        "message": f"An enrollment allowed with email {wanted['email']} "
        f"and course {wanted['course_id']} doesn't exists."
    }


# --- Who may call ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post", "delete"])
class TestCallers:
    def test_without_credentials_it_is_401_and_the_api_key_does_not_help(self, client, by_api_key, method):
        for caller in (client, by_api_key):
            answer = getattr(caller, method)(URL)
            assert answer.status_code == 401
            assert answer.json() == {"detail": "Authentication credentials were not provided."}

    def test_others_than_staff_are_403(self, as_user, method):
        for caller in (UserFactory(), UserFactory(superuser=True)):
            answer = getattr(as_user(caller), method)(URL)
            assert answer.status_code == 403
            assert answer.json() == {"detail": "You do not have permission to perform this action."}

    def test_restricted_applications_are_403(self, as_user, method):
        assert getattr(as_user(UserFactory(staff=True), restricted=True), method)(URL).status_code == 403

    def test_the_slash_belongs_to_the_address(self, staff, method):
        answer = getattr(staff, method)(URL.rstrip("/"))
        assert answer.status_code == (301 if method == "get" else 404)


def test_sessions_of_active_staff_count(by_session):
    assert by_session(UserFactory(staff=True)).get(URL).status_code == 200
    assert by_session(UserFactory(staff=True, is_active=False)).get(URL).status_code == 401
