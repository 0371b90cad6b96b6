"""GET enrollments (contract: enrollment-api)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from enrollments.models import CourseEnrollment
from enrollments.serializers.enrollments import EnrollmentListItemSerializer
from tests.factories import CourseEnrollmentFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db
URL = "/api/enrollment/v1/enrollments"
RUN = "course-v1:Acme+PHYS101+2031_T1"
BAD_CHARACTERS = "Usernames can only contain letters (A-Z, a-z), numerals (0-9), underscores (_), and hyphens (-)."
BAD_LENGTH = "Username must be between 2 and 30 characters long."


def too_many(what, number):
    return f"Too many {what} in a single request - {number}. A maximum of 100 is allowed"


@pytest.fixture
def staff(as_user):
    return as_user(UserFactory(username="boss", staff=True))


def found(answer):
    assert answer.status_code == 200, answer.content
    return [(row["user"], row["course_id"]) for row in answer.json()["results"]]


@pytest.fixture
def enrolled():
    """Four enrollments, the newest first: (user, run)."""
    maria, ben = UserFactory(username="maria"), UserFactory(username="ben", email="Ben@learners.example")
    other = CourseRunFactory().id
    pairs = [(maria, RUN), (ben, RUN), (maria, other), (ben, other)]
    for days, (user, course_id) in enumerate(pairs):
        created = timezone.now() - timedelta(days=days)
        CourseEnrollmentFactory(user=user, course_id=course_id, created=created)
    return [(user.username, course_id) for user, course_id in pairs]


def test_a_row_has_these_fields_and_inactive_ones_and_those_of_gone_runs_are_listed(staff):
    CourseEnrollmentFactory(
        user=UserFactory(username="maria"),
        course_id="course-v1:Gone+Gone+1",
        mode="honor",
        is_active=False,
        created=datetime(2031, 1, 10, 8, 30, tzinfo=UTC),
    )
    answer = staff.get(URL).json()
    assert answer == {
        "next": None,
        "previous": None,
        "results": [
            {
                "created": "2031-01-10T08:30:00Z",
                "mode": "honor",
                "is_active": False,
                "user": "maria",
                "course_id": "course-v1:Gone+Gone+1",
            }
        ],
    }
    assert set(EnrollmentListItemSerializer().fields) == set(answer["results"][0])


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_both_spellings_answer_the_newest_first(staff, enrolled, url):
    assert found(staff.get(url)) == enrolled


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ({"course_id": RUN}, [0, 1]),
        ({"username": "maria"}, [0, 2]),
        ({"username": "maria,ben"}, [0, 1, 2, 3]),
        ({"username": "Maria"}, []),
        ({"username": "nobody-here"}, []),
        ({"email": "Ben@learners.example"}, [1, 3]),
        ({"email": "ben@learners.example"}, []),
        ({"email": "no address at all,Ben@learners.example"}, [1, 3]),
        ({"email": ","}, []),
        ({"username": "maria", "course_id": RUN}, [0]),
        ({"username": "maria", "email": "Ben@learners.example"}, []),
        ({"course_id": "course-v1:No+Such+Run"}, []),
        ({"course_id": "library-v1:Acme+LIB"}, []),
        ({"course_ids": f"{RUN},course-v1:No+Such+Run,not a key"}, [0, 1]),
        ({"course_ids": "course-v1:No+Such+Run", "course_id": RUN}, []),
        ({"username": "", "email": "", "course_id": ""}, [0, 1, 2, 3]),
        ({"nonsense": "1", "page_size": "1", "page": "2"}, [0, 1, 2, 3]),
    ],
)
def test_filters_narrow_and_unknown_values_find_nothing(staff, enrolled, query, which):
    assert found(staff.get(URL, query)) == [enrolled[place] for place in which]


def test_plus_signs_that_were_not_escaped_arrive_as_blanks_and_are_understood(staff, enrolled):
    assert found(staff.get(f"{URL}?course_id={RUN}")) == enrolled[:2]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("course_id", "a+b+c", "'a+b+c' is not a valid course id."),
        ("course_id", "not a key", "'not a key' is not a valid course id."),
        ("course_id", f"{RUN} ", f"'{RUN} ' is not a valid course id."),
        ("username", "ma!ria", BAD_CHARACTERS),
        ("username", "!", BAD_CHARACTERS),
        ("username", "maria, ben", BAD_CHARACTERS),
        ("username", "märia", BAD_CHARACTERS),
        ("username", "maria\n", BAD_CHARACTERS),
        ("username", "m", BAD_LENGTH),
        ("username", "m" * 31, BAD_LENGTH),
        ("username", "maria,,ben", BAD_LENGTH),
        ("username", ",".join(["maria"] * 101), too_many("usernames", 101)),
        ("email", ",".join(["a@b.c"] * 101), too_many("emails", 101)),
        ("course_ids", ",".join([RUN] * 102), too_many("course_ids", 102)),
    ],
)
def test_a_value_that_cannot_be_a_filter_is_400(staff, name, value, text):
    answer = staff.get(URL, {name: value})
    assert answer.status_code == 400
    assert answer.json() == {"field_errors": {name: {"developer_message": text}}}


def test_a_hundred_values_are_fine(staff, enrolled):
    names = [f"user{number:03}" for number in range(99)]
    assert found(staff.get(URL, {"username": ",".join([*names, "ben"])})) == [enrolled[1], enrolled[3]]


def test_all_failing_fields_are_told_each_with_its_first_error(staff):
    answer = staff.get(URL, {"username": "m,ma!ria", "course_id": "x", "email": "a,b"})
    assert answer.json() == {
        "field_errors": {
            "course_id": {"developer_message": "'x' is not a valid course id."},
            "username": {"developer_message": BAD_LENGTH},
        }
    }


# --- Pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd():
    """101 enrollments, of which many began at the same moment."""
    moment = timezone.now().replace(microsecond=0)
    users = [UserFactory(profile=None) for _ in range(101)]
    CourseEnrollment.objects.bulk_create(
        CourseEnrollment(user=user, course_id=RUN, created=moment - timedelta(minutes=place // 60))
        for place, user in enumerate(users)
    )
    return {user.username for user in users}


def test_pages_hold_a_hundred_rows_and_lead_on_with_absolute_addresses(staff, crowd):
    first = staff.get(URL, {"course_id": RUN}).json()
    assert (len(first["results"]), first["previous"]) == (100, None)
    assert first["next"].startswith(f"http://testserver{URL}?")
    assert urlencode({"course_id": RUN}) in first["next"]
    second = staff.get(first["next"]).json()
    assert (len(second["results"]), second["next"]) == (1, None)
    assert {row["user"] for row in first["results"] + second["results"]} == crowd
    assert staff.get(second["previous"]).json()["results"] == first["results"]
    times = [row["created"] for row in first["results"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("cursor", ["nonsense", "cD0y", "%%%", "W10=", "WzBd", "x" * 500])
def test_a_bad_cursor_is_404(staff, cursor):
    answer = staff.get(URL, {"cursor": cursor})
    assert (answer.status_code, answer.json()) == (404, {"developer_message": "Invalid cursor"})


@pytest.mark.parametrize("query", [{}, {"email": "a@b.c,d@e.f", "username": "maria", "course_id": RUN}])
def test_a_page_costs_three_statements_at_most(staff, crowd, query, django_assert_max_num_queries):
    staff.get(URL)
    with django_assert_max_num_queries(3):
        staff.get(URL, query)


# --- Who may call ---------------------------------------------------------------------------------------------------


def test_without_credentials_it_is_401_in_the_developer_shape(client):
    answer = client.get(URL)
    assert answer.status_code == 401
    assert answer.json() == {"developer_message": "Authentication credentials were not provided."}
    assert "WWW-Authenticate" not in answer.headers


def test_the_api_key_alone_does_not_suffice(by_api_key):
    assert by_api_key.get(URL).status_code == 401


def test_a_bad_token_is_401_in_the_developer_shape(client):
    answer = client.get(URL, headers={"Authorization": "JWT nonsense"})
    assert (answer.status_code, set(answer.json())) == (401, {"developer_message"})


@pytest.mark.parametrize("kind", [{}, {"superuser": True}])
def test_others_than_staff_are_403_in_the_developer_shape(as_user, kind):
    answer = as_user(UserFactory(**kind)).get(URL)
    assert answer.status_code == 403
    assert answer.json() == {"developer_message": "You do not have permission to perform this action."}


def test_who_may_call_is_asked_before_the_filters(as_user):
    assert as_user(UserFactory()).get(URL, {"course_id": "x"}).status_code == 403


def test_restricted_applications_are_403(as_user):
    answer = as_user(UserFactory(staff=True), restricted=True).get(URL)
    assert (answer.status_code, set(answer.json())) == (403, {"developer_message"})


def test_inactive_staff_may_use_their_session(by_session):
    assert by_session(UserFactory(staff=True, is_active=False)).get(URL).status_code == 200


def test_other_methods_are_405_in_the_developer_shape(staff):
    answer = staff.post(URL, {}, format="json")
    assert (answer.status_code, set(answer.json())) == (405, {"developer_message"})
