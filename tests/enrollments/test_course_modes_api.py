"""The course modes API (contract: enrollment-api, Course modes)."""

from __future__ import annotations

import json

import pytest

from enrollments.models import CourseMode
from enrollments.serializers.course_modes import CourseModeSerializer
from enrollments.signals import catalogue_changed
from tests.enrollments.calls import ask
from tests.factories import CourseModeFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db
RUN = "course-v1:Acme+PHYS101+2031_T1"
LIST = f"/api/course_modes/v1/courses/{RUN}/"
ONE = f"{LIST}verified"
NEW = {"course_id": RUN, "mode_slug": "verified", "mode_display_name": "Verified", "currency": "usd", "min_price": 79}
SHOWN = {
    **NEW,
    "expiration_datetime": None,
    "expiration_datetime_is_explicit": False,
    "description": None,
    "sku": None,
    "bulk_sku": None,
}


@pytest.fixture
def staff(as_user):
    return as_user(UserFactory(username="boss", staff=True))


@pytest.fixture
def verified():
    return CourseModeFactory(course_id=RUN, mode_slug="verified", mode_display_name="Verified", min_price=79)


def patch(client, body, path=ONE, kind="application/merge-patch+json"):
    return client.generic("PATCH", path, body if isinstance(body, str) else json.dumps(body), content_type=kind)


# --- List and create ------------------------------------------------------------------------------------------------


def test_all_rows_are_listed_expired_ones_too_and_no_default_is_put_in_their_place(staff, verified):
    CourseModeFactory(course_id=RUN, mode_slug="honor", expired=True)
    CourseModeFactory(course_id="course-v1:Other+X+1")
    answer = staff.get(LIST)
    assert answer.status_code == 200
    assert [mode["mode_slug"] for mode in answer.json()] == ["verified", "honor"]
    assert answer.json()[0] == SHOWN
    assert set(CourseModeSerializer().fields) == set(SHOWN)
    assert answer.json()[1]["expiration_datetime_is_explicit"] is True


@pytest.mark.parametrize("key", ["course-v1:No+Such+Run", "Acme/PHYS101/2031", "a+b+c"])
def test_an_unknown_run_has_no_rows(staff, key):
    answer = staff.get(f"/api/course_modes/v1/courses/{key}/")
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_mode_is_created_and_counts_at_once(staff, as_user):
    run = CourseRunFactory(id=RUN)
    learner = as_user(UserFactory())
    assert ask(learner, run, mode="honor").status_code == 400
    answer = staff.post(LIST, {**NEW, "mode_slug": "honor", "currency": "USD"}, format="json")
    assert (answer.status_code, answer.json()) == (201, {**SHOWN, "mode_slug": "honor"})
    assert ask(learner, run, mode="honor").json()["mode"] == "honor"
    history = CourseMode.objects.get().history.get()
    assert (history.history_type, history.history_user.username) == ("+", "boss")


def test_the_run_of_the_body_counts_not_that_of_the_address(staff):
    other = "course-v1:Other+X+1"
    assert staff.post(LIST, {**NEW, "course_id": other}, format="json").json()["course_id"] == other


def test_missing_fields_are_told_one_by_one(staff):
    answer = staff.post(LIST, {}, format="json")
    required = ["This field is required."]
    assert answer.status_code == 400
    assert answer.json() == dict.fromkeys(["course_id", "mode_slug", "mode_display_name", "currency"], required)


def test_all_fields_can_be_given(staff):
    given = {
        **NEW,
        "expiration_datetime": "2099-03-01T00:00:00+02:00",
        "description": "text",
        "sku": "A",
        "bulk_sku": "B",
    }
    answer = staff.post(LIST, given, format="json")
    assert answer.json() == {
        **given,
        "expiration_datetime": "2099-02-28T22:00:00Z",
        "expiration_datetime_is_explicit": True,
    }


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"min_price": 0}, "min_price"),
        ({"mode_slug": "professional", "min_price": 0}, "min_price"),
        ({"mode_slug": "honor", "min_price": -1}, "min_price"),
        ({"min_price": 2**31}, "min_price"),
        ({"min_price": "cheap"}, "min_price"),
        ({"mode_slug": "professional", "expiration_datetime": "2099-03-01T00:00:00Z"}, "expiration_datetime"),
        ({"mode_slug": "no-id-professional", "expiration_datetime": "2099-03-01T00:00:00Z"}, "expiration_datetime"),
        ({"expiration_datetime": "tomorrow"}, "expiration_datetime"),
        ({"course_id": "a+b+c"}, "course_id"),
        ({"mode_slug": "x" * 101}, "mode_slug"),
        ({"mode_slug": ""}, "mode_slug"),
        ({"currency": "x" * 9}, "currency"),
        ({"currency": None}, "currency"),
    ],
)
def test_values_that_a_mode_may_not_have_are_400(staff, fields, name):
    answer = staff.post(LIST, {**NEW, **fields}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [name])
    assert not CourseMode.objects.exists()


@pytest.mark.parametrize("body", [[], "text", None, 5])
def test_a_body_that_is_no_object_is_400(staff, body):
    assert staff.post(LIST, body, format="json").status_code == 400


@pytest.mark.parametrize("currency", ["usd", "USD"])
def test_a_mode_that_the_run_has_already_is_400(staff, verified, currency):
    answer = staff.post(LIST, {**NEW, "currency": currency}, format="json")
    assert answer.status_code == 400
    assert CourseMode.objects.count() == 1


def test_the_same_mode_in_another_currency_is_another_row(staff, verified):
    assert staff.post(LIST, {**NEW, "currency": "eur"}, format="json").status_code == 201
    assert staff.get(ONE).json()["currency"] == "usd"


# --- One mode -------------------------------------------------------------------------------------------------------


def test_one_mode_is_read(staff, verified):
    answer = staff.get(ONE)
    assert (answer.status_code, answer.json()) == (200, SHOWN)
    assert staff.get(f"{LIST}honor").status_code == 404


def test_a_merge_patch_changes_what_it_names(staff, verified):
    answer = patch(staff, {"min_price": 99, "currency": "EUR", "expiration_datetime": "2099-03-01T00:00:00Z"})
    assert (answer.status_code, answer.content) == (204, b"")
    changed = {
        "min_price": 99,
        "currency": "eur",
        "expiration_datetime": "2099-03-01T00:00:00Z",
        "expiration_datetime_is_explicit": True,
    }
    assert staff.get(ONE).json() == {**SHOWN, **changed}
    assert patch(staff, {"expiration_datetime": None}).status_code == 204
    assert staff.get(ONE).json()["expiration_datetime"] is None
    assert verified.history.count() == 3


def test_an_empty_patch_changes_nothing(staff, verified):
    assert patch(staff, {}).status_code == 204
    assert staff.get(ONE).json() == SHOWN


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_another_content_type_is_415(staff, verified, kind):
    answer = patch(staff, {"min_price": 99}, kind=kind)
    assert (answer.status_code, set(answer.json())) == (415, {"detail"})


def test_which_mode_it_is_cannot_be_changed(staff, verified):
    fixed = ["This field cannot be modified."]
    answer = patch(staff, {"course_id": RUN, "mode_slug": "verified", "min_price": 99})
    assert (answer.status_code, answer.json()) == (400, {"course_id": fixed, "mode_slug": fixed})
    answer = patch(staff, {"mode_slug": "honor"})
    assert answer.json() == {"mode_slug": fixed}
    assert staff.get(ONE).json() == SHOWN


@pytest.mark.parametrize(
    "fields", [{"min_price": 0}, {"min_price": None}, {"currency": ""}, {"mode_display_name": None}]
)
def test_a_patch_to_a_value_that_the_mode_may_not_have_is_400(staff, verified, fields):
    answer = patch(staff, fields)
    assert (answer.status_code, list(answer.json())) == (400, list(fields))
    assert staff.get(ONE).json() == SHOWN


@pytest.mark.parametrize("body", ["[]", "text", "5", "{", '"x"', "null"])
def test_a_patch_that_is_no_object_is_400(staff, verified, body):
    assert patch(staff, body).status_code == 400


def test_a_patch_to_a_mode_that_is_not_there_is_404(staff):
    assert patch(staff, {"min_price": 99}).status_code == 404


def test_a_mode_is_deleted_once(staff, verified):
    answer = staff.delete(ONE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert staff.delete(ONE).status_code == 404
    assert CourseMode.history.order_by("-history_id").first().history_type == "-"


def test_every_write_tells_the_catalogue(staff):
    heard = []

    def receive(run_keys, **kwargs):
        heard.append(run_keys)

    catalogue_changed.connect(receive)
    staff.post(LIST, NEW, format="json")
    patch(staff, {"min_price": 99})
    staff.delete(ONE)
    catalogue_changed.disconnect(receive)
    assert heard == [[RUN]] * 3


@pytest.mark.parametrize("path", [LIST.rstrip("/"), f"{ONE}/", "/api/course_modes/v1/courses/x/"])
def test_other_spellings_are_404(staff, verified, path):
    assert staff.post(path, NEW, format="json").status_code == 404


def test_there_is_no_put(staff, verified):
    assert staff.put(ONE, NEW, format="json").status_code == 405


# --- Who may call ---------------------------------------------------------------------------------------------------


def calls(client):
    return [
        client.get(LIST),
        client.post(LIST, {}, format="json"),
        client.get(ONE),
        patch(client, {}),
        client.delete(ONE),
    ]


def test_without_credentials_it_is_401(client, by_api_key, verified):
    for caller in (client, by_api_key):
        for answer in calls(caller):
            assert answer.status_code == 401
            assert answer.json() == {"detail": "Authentication credentials were not provided."}


def test_others_than_staff_are_403_whatever_they_put_into_the_query(as_user, verified):
    learner = UserFactory(username="maria")
    for caller in (learner, UserFactory(superuser=True)):
        for answer in calls(as_user(caller)):
            assert answer.status_code == 403
            assert answer.json() == {"detail": "You do not have permission to perform this action."}
    assert as_user(learner).get(LIST, {"username": "maria"}).status_code == 403


def test_inactive_staff_may_use_their_session(by_session, verified):
    assert by_session(UserFactory(staff=True, is_active=False)).get(LIST).status_code == 200


FENCED = {"restricted": True, "scopes": ["read", "course_modes:read"], "filters": ["content_org:Acme"]}


def test_a_restricted_application_reads_the_modes_of_its_organisations(as_user, verified):
    client = as_user(UserFactory(), **FENCED)
    assert client.get(LIST).json() == [SHOWN]
    assert client.get(ONE).json() == SHOWN
    for path in ("/api/course_modes/v1/courses/course-v1:Other+X+1/", "/api/course_modes/v1/courses/a+b+c/"):
        assert client.get(path).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"scopes": ["read", "write", "email", "profile"]},
        {"scopes": []},
        {"filters": []},
        {"filters": ["content_org:Other"]},
        {"filters": ["content_org:acme"]},
    ],
)
def test_a_restricted_application_needs_scope_and_organisation_be_its_owner_staff_or_not(as_user, verified, claims):
    for owner in (UserFactory(), UserFactory(staff=True)):
        assert as_user(owner, **{**FENCED, **claims}).get(LIST).status_code == 403


def test_a_restricted_application_only_reads(as_user, verified):
    client = as_user(UserFactory(staff=True), **FENCED)
    assert [answer.status_code for answer in calls(client)] == [200, 403, 200, 403, 403]


def test_a_user_filter_asks_for_that_user(as_user, verified):
    filters = ["content_org:Acme", "user:me"]
    client = as_user(UserFactory(username="maria"), **{**FENCED, "filters": filters})
    assert client.get(LIST).status_code == 403
    assert client.get(LIST, {"username": "ben"}).status_code == 403
    assert client.get(LIST, {"username": "maria"}).status_code == 200
