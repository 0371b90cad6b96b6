"""Rate limits of the enrollment API (contract: enrollment-api, Throttling)."""

from __future__ import annotations

import pytest
from django.core.cache import cache, caches

from enrollments.models import RateLimitConfiguration
from enrollments.throttles import CACHE_KEY, CACHE_NAME
from tests.conftest import API_KEY
from tests.enrollments.calls import ENROLLMENT, ask
from tests.factories import CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db
API = "/api/enrollment/v1"
ROLES = f"{API}/roles/"


@pytest.fixture(autouse=True)
def low_rates(settings):
    settings.ENROLLMENT_USER_RATE = "3/minute"
    settings.ENROLLMENT_STAFF_RATE = "5/minute"


def admitted(client, path=ROLES, tries=8):
    """How many of the tries were not answered 429."""
    return sum(client.get(path).status_code != 429 for _ in range(tries))


def test_the_rates_are_those_of_the_contract():
    from config import settings

    assert (settings.ENROLLMENT_USER_RATE, settings.ENROLLMENT_STAFF_RATE) == ("40/minute", "120/minute")


def test_learners_staff_and_superusers_have_their_rates_and_inactive_accounts_too(as_user):
    assert admitted(as_user(UserFactory())) == 3
    assert admitted(as_user(UserFactory(is_active=False))) == 3
    assert admitted(as_user(UserFactory(staff=True))) == 5
    assert admitted(as_user(UserFactory(superuser=True))) == 5


def test_the_api_key_is_exempt_also_beside_credentials(as_user, by_api_key):
    assert admitted(by_api_key) == 8
    client = as_user(UserFactory())
    client.credentials(**{**client._credentials, "HTTP_X_EDX_API_KEY": API_KEY})
    assert admitted(client) == 8
    client.credentials(**{**client._credentials, "HTTP_X_EDX_API_KEY": "wrong"})
    assert admitted(client) == 3


def test_over_the_limit_it_is_429_with_the_seconds_to_wait(as_user):
    client = as_user(UserFactory())
    admitted(client)
    answer = client.get(ROLES)
    assert answer.status_code == 429
    seconds = answer["Retry-After"]
    assert 0 < int(seconds) <= 70  # a minute, and the slot that it is counted in
    plural = "second" if seconds == "1" else "seconds"
    assert answer.json() == {"detail": f"Request was throttled. Expected available in {seconds} {plural}."}


def test_all_endpoints_share_one_bucket(as_user):
    run = CourseRunFactory()
    client = as_user(UserFactory())
    answers = [client.get(ROLES), client.get(ENROLLMENT), ask(client, run), client.get(f"{ENROLLMENT}/{run.id}")]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    staff = as_user(UserFactory(staff=True))
    answers = [staff.get(f"{API}/{path}") for path in ("enrollments", "enrollment_allowed/", "roles/", "enrollment")]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [ask(staff, run).status_code, ask(staff, run).status_code] == [200, 429]


def test_course_details_count_per_address(client, as_user):
    run = CourseRunFactory()
    path = f"{API}/course/{run.id}"
    learner = as_user(UserFactory())
    assert admitted(learner, path) == 3
    assert client.get(path).status_code == 429
    assert client.get(path, REMOTE_ADDR="192.0.2.1").status_code == 200
    assert learner.get(ROLES).status_code == 200
    assert client.get(path, headers={"X-Edx-Api-Key": API_KEY}).status_code == 200


def test_refused_callers_use_nothing_up(client, as_user):
    learner = as_user(UserFactory())
    assert [learner.get(f"{API}/enrollments").status_code for _ in range(6)] == [403] * 6
    assert [client.get(ROLES).status_code for _ in range(6)] == [401] * 6
    assert admitted(learner) == 3


def test_the_limit_comes_before_the_body_and_the_method(as_user):
    client = as_user(UserFactory())
    admitted(client)
    assert client.post(ENROLLMENT, {}, format="json").status_code == 429
    assert client.delete(ENROLLMENT).status_code == 429


def test_the_list_for_staff_answers_429_in_the_developer_shape(as_user):
    client = as_user(UserFactory(staff=True))
    admitted(client)
    answer = client.get(f"{API}/enrollments")
    assert (answer.status_code, set(answer.json())) == (429, {"developer_message"})
    assert "Retry-After" not in answer.headers


def test_the_switch_turns_throttling_off_and_on_again_where_it_reaches(as_user):
    run = CourseRunFactory()
    client = as_user(UserFactory(staff=True))
    RateLimitConfiguration.objects.create(enabled=False)
    for path in (ENROLLMENT, f"{ENROLLMENT}/{run.id}", f"{API}/course/{run.id}", f"{API}/enrollments"):
        assert admitted(client, path) == 8
    assert sum(ask(client, run).status_code == 200 for _ in range(8)) == 8
    RateLimitConfiguration.objects.create(enabled=True)
    caches[CACHE_NAME].clear()
    cache.clear()
    assert admitted(client, ENROLLMENT) == 5


@pytest.mark.parametrize("path", [ROLES, f"{API}/enrollment_allowed/"])
def test_the_switch_does_not_reach_roles_and_allowances(as_user, path):
    RateLimitConfiguration.objects.create(enabled=False)
    assert admitted(as_user(UserFactory(staff=True)), path) == 5


def test_a_change_of_the_switch_counts_within_seconds(as_user):
    client = as_user(UserFactory())
    assert admitted(client, ENROLLMENT, 4) == 3
    RateLimitConfiguration.objects.create(enabled=False)
    caches[CACHE_NAME].delete(CACHE_KEY)  # as its few seconds do
    assert admitted(client, ENROLLMENT) == 8


def test_reading_the_switch_costs_one_statement_every_few_seconds(as_user, django_assert_num_queries):
    client = as_user(UserFactory())
    with django_assert_num_queries(3):
        client.get(ENROLLMENT)
    with django_assert_num_queries(2):
        client.get(ENROLLMENT)
