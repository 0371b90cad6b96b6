"""GET course (contract: enrollment-api)."""

from __future__ import annotations

import pytest

from enrollments.models import CourseMode, CourseOverview
from enrollments.serializers.enrollments import CourseDetailsSerializer
from tests.factories import CourseModeFactory, CourseRunFactory

pytestmark = pytest.mark.django_db
URL = "/api/enrollment/v1/course"


@pytest.fixture
def run():
    run = CourseRunFactory(display_name="Physics", modes=["audit"])
    CourseModeFactory(course_id=run.id, mode_slug="verified", expired=True)
    return run


def slugs(answer):
    assert answer.status_code == 200, answer.content
    return [mode["slug"] for mode in answer.json()["course_modes"]]


def test_anybody_reads_a_run_with_its_unexpired_modes(client, run):
    answer = client.get(f"{URL}/{run.id}")
    assert slugs(answer) == ["audit"]
    assert set(answer.json()) == set(CourseDetailsSerializer().fields)
    assert (answer.json()["course_id"], answer.json()["course_name"]) == (run.id, "Physics")


@pytest.mark.parametrize("value", ["1", "0", "false", "x"])
def test_any_text_asks_for_expired_modes_too(client, run, value):
    assert slugs(client.get(f"{URL}/{run.id}", {"include_expired": value})) == ["audit", "verified"]


def test_an_empty_text_does_not(client, run):
    assert slugs(client.get(f"{URL}/{run.id}", {"include_expired": ""})) == ["audit"]


@pytest.mark.parametrize("key", ["course-v1:No+Such+Run", "a+b+c", "Acme/No/Run"])
def test_an_unknown_run_and_a_key_that_does_not_parse_are_400(client, key):
    answer = client.get(f"{URL}/{key}")
    assert (answer.status_code, answer.json()) == (400, {"message": f"No course found for course ID '{key}'"})


def test_credentials_are_not_looked_at_not_even_bad_ones(client, run):
    assert client.get(f"{URL}/{run.id}", headers={"Authorization": "JWT nonsense"}).status_code == 200


def test_a_second_read_costs_no_statement(client, run, django_assert_num_queries):
    client.get(f"{URL}/{run.id}")
    with django_assert_num_queries(0):
        assert slugs(client.get(f"{URL}/{run.id}", {"include_expired": "1"})) == ["audit", "verified"]


def test_a_change_shows_at_once(client, run, django_capture_on_commit_callbacks):
    client.get(f"{URL}/{run.id}")
    with django_capture_on_commit_callbacks(execute=True):
        CourseModeFactory(course_id=run.id, mode_slug="honor")
    assert slugs(client.get(f"{URL}/{run.id}")) == ["audit", "honor"]
    with django_capture_on_commit_callbacks(execute=True):
        CourseMode.objects.get(course_id=run.id, mode_slug="honor").delete()
        run.display_name = "Chemistry"
        run.save()
    answer = client.get(f"{URL}/{run.id}")
    assert (slugs(answer), answer.json()["course_name"]) == (["audit"], "Chemistry")
    with django_capture_on_commit_callbacks(execute=True):
        CourseOverview.objects.get(pk=run.id).delete()
    assert client.get(f"{URL}/{run.id}").status_code == 400


def test_what_is_remembered_is_forgotten_after_the_configured_time(client, run, settings):
    settings.ENROLLMENT_COURSE_DETAILS_CACHE_TIMEOUT = 0
    client.get(f"{URL}/{run.id}")
    CourseMode.objects.filter(course_id=run.id).update(mode_display_name="Renamed")
    assert client.get(f"{URL}/{run.id}").json()["course_modes"][0]["name"] == "Renamed"
