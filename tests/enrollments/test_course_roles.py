"""GET roles (contract: enrollment-api)."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from tests.factories import CourseAccessRoleFactory, UserFactory

pytestmark = pytest.mark.django_db
URL = "/api/enrollment/v1/roles/"
RUN = "course-v1:Acme+PHYS101+2031_T1"


@pytest.fixture
def tutor():
    tutor = UserFactory(username="tutor")
    CourseAccessRoleFactory(user=tutor, org="Acme", course_id=RUN, role="instructor")
    CourseAccessRoleFactory(user=tutor, org="Acme", course_id="", role="staff")
    CourseAccessRoleFactory(user=tutor, org="", course_id="", role="support")
    CourseAccessRoleFactory(org="Acme", course_id=RUN)
    return tutor


def test_the_callers_own_roles_are_listed(as_user, tutor):
    answer = as_user(tutor).get(URL)
    assert answer.status_code == 200
    assert answer.json() == {
        "roles": [
            {"org": "Acme", "course_id": RUN, "role": "instructor"},
            {"org": "Acme", "course_id": "None", "role": "staff"},
            {"org": "", "course_id": "None", "role": "support"},
        ],
        "is_staff": False,
    }


@pytest.mark.parametrize("query", [{"course_id": RUN}, f"course_id={RUN}"])
def test_one_run_can_be_asked_for(as_user, tutor, query):
    url = f"{URL}?{query}" if isinstance(query, str) else URL
    answer = as_user(tutor).get(url, None if isinstance(query, str) else query)
    assert answer.json()["roles"] == [{"org": "Acme", "course_id": RUN, "role": "instructor"}]


@pytest.mark.parametrize("course_id", ["course-v1:Other+X+1", "not a key", RUN.lower()])
def test_another_run_has_no_roles(as_user, tutor, course_id):
    assert as_user(tutor).get(URL, {"course_id": course_id}).json() == {"roles": [], "is_staff": False}


def test_staff_are_told_so_and_superusers_are_none(as_user):
    assert as_user(UserFactory(staff=True)).get(URL).json() == {"roles": [], "is_staff": True}
    assert as_user(UserFactory(superuser=True)).get(URL).json() == {"roles": [], "is_staff": False}


def test_the_bare_api_key_has_no_roles_and_a_text_that_lacks_its_closing_quote(by_api_key):
    answer = by_api_key.get(URL)
    assert answer.status_code == 400
    assert answer.json() == {"message": "An error occurred while retrieving roles for user '"}


def test_a_failing_database_is_answered_with_the_same_text(as_user, tutor, monkeypatch):
    def fail(*args):
        raise DatabaseError("gone")

    monkeypatch.setattr("enrollments.views.roles.roles_of", fail)
    answer = as_user(tutor).get(URL)
    assert answer.status_code == 400
    assert answer.json() == {"message": "An error occurred while retrieving roles for user 'tutor"}


def test_without_credentials_it_is_401(client):
    answer = client.get(URL)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}


def test_inactive_accounts_and_sessions_count(by_session, as_user, tutor):
    tutor.is_active = False
    tutor.save()
    for caller in (by_session(tutor), as_user(tutor)):
        assert len(caller.get(URL).json()["roles"]) == 3


def test_restricted_applications_are_403(as_user, tutor):
    assert as_user(tutor, restricted=True).get(URL).status_code == 403


def test_reading_sets_the_csrf_cookie(as_user, tutor):
    assert as_user(tutor).get(URL).cookies["csrftoken"].value


def test_the_slash_belongs_to_the_address(as_user, tutor):
    answer = as_user(tutor).get(URL.rstrip("/"))
    assert (answer.status_code, answer["Location"]) == (301, URL)
    assert as_user(tutor).post(URL.rstrip("/")).status_code == 404
