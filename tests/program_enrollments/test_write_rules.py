"""What both kinds of batches have in common (contract: program-enrollments, Common behaviour, Write rules)."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken

from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.services import batches
from tests.factories import CourseRunFactory, ProgramCourseEnrollmentFactory, ProgramEnrollmentFactory, UserFactory
from tests.program_enrollments.scenes import (
    ANONYMOUS,
    API,
    FORBIDDEN,
    NO_PROGRAM,
    UNKNOWN_UUID,
    enrollments_path,
    program_of,
    send,
    staff,
)

pytestmark = pytest.mark.django_db
METHODS = ["post", "patch", "put"]
CURRICULUM = "b1f0c0de-0000-4000-8000-000000000001"


@pytest.fixture(params=["program", "course"])
def kind(request):
    return request.param


@pytest.fixture
def path(kind, program, run):
    return enrollments_path(program, run if kind == "course" else None)


@pytest.fixture
def good(kind):
    """A status that the kind of batch knows."""
    return "active" if kind == "course" else "enrolled"


def row(key="S-1", status="enrolled", **more):
    return {"student_key": key, "status": status, "curriculum_uuid": CURRICULUM, **more}


def nothing_written():
    return not ProgramEnrollment.objects.exists() and not ProgramCourseEnrollment.objects.exists()


# --- Who may, and in which order things are checked -----------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", *METHODS])
def test_without_credentials_it_is_a_401_without_a_challenge(client, path, method):
    answer = send(client, method, path, None if method == "get" else [row()])
    assert (answer.status_code, answer.json()) == (401, ANONYMOUS)
    assert "WWW-Authenticate" not in answer


@pytest.mark.parametrize("method", ["get", *METHODS])
@pytest.mark.parametrize("flags", [{}, {"is_superuser": True}])
def test_only_staff_may_and_superusers_are_none(as_user, path, method, flags):
    answer = send(as_user(UserFactory(**flags)), method, path, None if method == "get" else [row()])
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert nothing_written()


@pytest.mark.parametrize("method", ["get", *METHODS])
def test_naming_oneself_in_the_query_opens_nothing(as_user, path, method):
    account = UserFactory()
    answer = send(as_user(account), method, f"{path}?username={account.username}", None if method == "get" else [row()])
    assert answer.status_code == 403
    assert nothing_written()


@pytest.mark.parametrize("method", ["get", *METHODS])
@pytest.mark.parametrize("filters", [[], ["content_org:Acme"], ["content_org:Acme", "user:me"]])
def test_the_token_of_a_restricted_application_is_refused_whatever_its_filters(as_user, path, method, filters):
    account = staff()
    client = as_user(account, restricted=True, filters=filters, scopes=["read", "write", "enrollments:read"])
    body = None if method == "get" else [row()]
    answer = send(client, method, f"{path}?username={account.username}", body)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert nothing_written()


def test_staff_may_by_session_with_a_csrf_token_and_by_opaque_token_even_when_inactive(by_session, client, path, good):
    account = UserFactory(staff=True, is_active=False)
    assert by_session(account).get(path).status_code == 200
    assert send(by_session(account, enforce_csrf_checks=True), "put", path, []).status_code == 403
    AccessToken.objects.create(user=account, token="opaque", expires=timezone.now() + timedelta(hours=1))
    client.credentials(HTTP_AUTHORIZATION="Bearer opaque")
    assert send(client, "put", path, []).status_code == 204


def test_who_is_not_staff_is_refused_before_anything_is_looked_up(as_user):
    stranger = as_user(UserFactory())
    assert send(stranger, "put", f"{API}/programs/{UNKNOWN_UUID}/enrollments/", "x").status_code == 403
    assert send(stranger, "put", f"{API}/programs/{UNKNOWN_UUID}/courses/a+b+c/enrollments/", "x").status_code == 403


def test_other_methods_are_refused_before_the_program_is_looked_up(worker, kind):
    within = "courses/a+b+c/" if kind == "course" else ""
    answer = worker.delete(f"{API}/programs/{UNKNOWN_UUID}/{within}enrollments/")
    assert (answer.status_code, answer.json()) == (405, {"developer_message": 'Method "DELETE" not allowed.'})


@pytest.mark.parametrize("method", ["get", *METHODS])
@pytest.mark.parametrize("spelling", [UNKNOWN_UUID, "beef", "-", "0" * 300, "ABCDEFAB-0000-4000-8000-00000000000A"])
def test_an_unknown_program_is_a_404_before_the_body_is_read(worker, kind, run, method, spelling):
    program_of(run, uuid="abcdefab-0000-4000-8000-00000000000a")
    within = "courses/not+a+key/" if kind == "course" else ""
    sent = {} if method == "get" else {"data": "{", "content_type": "text/plain"}
    answer = getattr(worker, method)(f"{API}/programs/{spelling}/{within}enrollments/", **sent)
    assert (answer.status_code, answer.json()) == (404, NO_PROGRAM)


@pytest.mark.parametrize("method", ["get", *METHODS])
def test_the_run_is_looked_up_before_the_body_is_read(worker, program, method):
    other = CourseRunFactory(id="course-v1:Acme+Other+R1")
    for key, code in (
        ("A+B+C", "invalid_course_key"),
        ("course-v1:Uni+C1+R9", "course_does_not_exist"),
        (other.pk, "course_not_in_program"),
    ):
        sent = {} if method == "get" else {"data": "{", "content_type": "application/json"}
        answer = getattr(worker, method)(enrollments_path(program, key), **sent)
        assert (answer.status_code, answer.json()["error_code"]) == (404, code)


@pytest.mark.parametrize("method", METHODS)
def test_a_body_that_is_no_json_and_another_media_type_are_refused(worker, path, method):
    answer = getattr(worker, method)(path, "[{", content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["developer_message"].startswith("JSON parse error - ")
    answer = getattr(worker, method)(path, "x", content_type="text/plain")
    assert answer.status_code == 415
    assert answer.json() == {"developer_message": 'Unsupported media type "text/plain" in request.'}


def test_the_addresses_have_names(program, run):
    names = {"program_uuid": program.pk}
    assert reverse("programs_api:v1:program_enrollments", kwargs=names) == enrollments_path(program)
    names["course_id"] = run.pk
    assert reverse("programs_api:v1:program_course_enrollments", kwargs=names) == enrollments_path(program, run)


def test_anything_may_follow_the_address_of_course_enrollments_but_not_that_of_program_enrollments(
    worker, program, run
):
    assert worker.get(enrollments_path(program, run) + "what/ever").status_code == 200
    assert worker.get(enrollments_path(program) + "whatever").status_code == 404
    answer = worker.get(enrollments_path(program).rstrip("/"))
    assert (answer.status_code, answer["Location"]) == (301, enrollments_path(program))


# --- The whole request ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("body", "name"), [({}, "dict"), ("x", "str"), (3, "int"), (None, "NoneType"), (True, "bool")])
def test_a_body_that_is_no_list_is_refused(worker, path, method, body, name):
    answer = getattr(worker, method)(path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    text = f'Expected a list of items but got type "{name}".'
    assert answer.json() == {"developer_message": {"non_field_errors": [text]}}


def test_no_body_at_all_is_no_list(worker, path):
    assert worker.put(path).status_code == 400


@pytest.mark.parametrize(("item", "name"), [("x", "str"), (None, "NoneType"), ([], "list"), (1, "int")])
def test_a_row_that_is_no_object_is_named_beside_good_rows(worker, path, good, item, name):
    answer = send(worker, "put", path, [row(status=good), item])
    assert answer.status_code == 400
    text = f"Invalid data. Expected a dictionary, but got {name}."
    assert answer.json() == {"developer_message": [{}, {"non_field_errors": [text]}]}
    assert nothing_written()


BAD_TEXTS = [
    (None, "This field may not be null."),
    ("", "This field may not be blank."),
    ("  ", "This field may not be blank."),
    (True, "Not a valid string."),
    ({}, "Not a valid string."),
    ([], "Not a valid string."),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["student_key", "status"])
def test_one_row_without_a_key_or_status_rejects_everything(worker, path, good, method, name):
    bad = row(status=good)
    del bad[name]
    answer = send(worker, method, path, [row("S-0", good), bad])
    assert answer.status_code == 400
    assert answer.json() == {"developer_message": [{}, {name: ["This field is required."]}]}
    assert nothing_written()


@pytest.mark.parametrize("name", ["student_key", "status"])
@pytest.mark.parametrize(("value", "text"), BAD_TEXTS)
def test_a_key_or_status_that_is_no_text_rejects_everything(worker, path, good, name, value, text):
    answer = send(worker, "put", path, [row("S-0", good), row(**{"status": good, name: value})])
    assert answer.status_code == 400
    assert answer.json() == {"developer_message": [{}, {name: [text]}]}
    assert nothing_written()


def test_a_key_of_more_than_255_characters_is_refused(worker, path, good):
    answer = send(worker, "put", path, [row("é" * 256, good)])
    assert answer.status_code == 400
    text = "Ensure this field has no more than 255 characters."
    assert answer.json() == {"developer_message": [{"student_key": [text]}]}
    assert send(worker, "put", path, [row("é" * 255, good)]).status_code in {200, 422}


def test_characters_that_no_text_has_are_refused(worker, path, good):
    for text in (r"a\u0000b", r"a\ud800b"):
        body = json.dumps([row("X", good)]).replace("X", text)
        answer = worker.put(path, body, content_type="application/json")
        assert answer.status_code == 400
    assert nothing_written()


def test_an_unknown_status_of_whatever_length_is_a_matter_of_its_row(worker, path, good):
    for status in ("paused", good.upper(), "x" * 10_000, 7):
        answer = send(worker, "put", path, [row(status=status)])
        assert (answer.status_code, answer.json()) == (422, {"S-1": "invalid-status"})


@pytest.mark.parametrize(("value", "text"), [
    (None, "This field may not be null."), ("x", "Must be a valid UUID."), ([], "Must be a valid UUID."),
    (True, "Must be a valid UUID."), (7, "Must be a valid UUID."), ("", "Must be a valid UUID."),
])  # fmt: skip
@pytest.mark.parametrize("method", ["post", "put"])
def test_new_students_of_a_program_need_a_curriculum(worker, program, method, value, text):
    path = enrollments_path(program)
    answer = send(worker, method, path, [row("S-0"), row(curriculum_uuid=value)])
    assert answer.status_code == 400
    assert answer.json() == {"developer_message": [{}, {"curriculum_uuid": [text]}]}
    answer = send(worker, method, path, [{"student_key": "S-1", "status": "enrolled"}])
    assert answer.json() == {"developer_message": [{"curriculum_uuid": ["This field is required."]}]}
    assert nothing_written()


def test_elsewhere_the_curriculum_is_not_looked_at(worker, program, run):
    for method, path in (("patch", enrollments_path(program)), ("put", enrollments_path(program, run))):
        answer = send(worker, method, path, [row(curriculum_uuid="x")])
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "This field may not be null."),
        *((value, "Must be a valid boolean.") for value in ("", "maybe", 2, [], {}, "null")),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_course_staff_that_is_no_boolean_rejects_everything(worker, program, run, method, value, text):
    rows = [row("S-0", "active"), row("S-1", "active", course_staff=value)]
    answer = send(worker, method, enrollments_path(program, run), rows)
    assert answer.status_code == 400
    assert answer.json() == {"developer_message": [{}, {"course_staff": [text]}]}


@pytest.mark.parametrize("method", METHODS)
def test_more_than_25_rows_are_too_many(worker, path, good, method):
    answer = send(worker, method, path, [row(f"S-{number}", good) for number in range(26)])
    assert (answer.status_code, answer.json()) == (413, "26 enrollments requested, but limit is 25.")
    assert answer["Content-Type"] == "application/json"
    assert nothing_written()


def test_rows_are_checked_before_they_are_counted(worker, path, good):
    rows = [row(f"S-{number}", good) for number in range(26)]
    del rows[25]["status"]
    assert send(worker, "put", path, rows).status_code == 400


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_list_is_a_204(worker, path, method):
    assert send(worker, method, path, []).status_code == 204


# --- Keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_every_spelling_of_a_key_that_comes_twice_is_duplicated_and_none_is_worked_on(
    worker, program, run, kind, path, good, method
):
    enrollment = ProgramEnrollmentFactory(program_uuid=program.pk, external_user_key="dup", status="pending")
    ProgramCourseEnrollmentFactory(program_enrollment=enrollment, course_key=run.pk, status="inactive")
    rows = [row(" dup ", good), row("DUP", good), row("Dup", "x"), row("other", "x")]
    answer = send(worker, method, path, rows)
    words = {"dup": "duplicated", "DUP": "duplicated", "Dup": "duplicated", "other": "invalid-status"}
    assert (answer.status_code, answer.json()) == (422, words)
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.course_enrollments.get().status) == ("pending", "inactive")


def test_two_identical_rows_alone_are_a_422(worker, path, good):
    answer = send(worker, "put", path, [row("001", good), row("001", good)])
    assert (answer.status_code, answer.json()) == (422, {"001": "duplicated"})
    assert nothing_written()


@pytest.mark.parametrize(
    ("stored", "asked"), [("ΟΔΟΣ", "ΟΔΟΣ"), ("\u0130ZM\u0130R", "\u0130zm\u0130r"), ("\u00c9COLE", "\u00e9cole")]
)
def test_letters_that_databases_lower_in_their_own_way_are_found_again(worker, program, run, kind, path, stored, asked):
    new, other = ("active", "inactive") if kind == "course" else ("pending", "ended")
    if kind == "course":
        send(worker, "post", enrollments_path(program), [row(stored)])
    assert send(worker, "post", path, [row(stored, new)]).json() == {stored: new}
    assert send(worker, "post", path, [row(asked, new)]).json() == {asked: "conflict"}
    assert send(worker, "patch", path, [row(asked, other)]).json() == {asked: other}
    words = {stored: "duplicated", asked: "duplicated"}
    assert send(worker, "put", path, [row(stored, new), row(asked, new)]).json() == words


def test_answers_name_keys_as_the_request_trimmed_and_as_text(worker, program, run, kind, path, good):
    for key in ("s-1", "12", "1.5"):
        ProgramEnrollmentFactory(program_uuid=program.pk, external_user_key=key)
    answer = send(worker, "put", path, [row(" S-1 ", good), row(12, good), row(1.5, good)])
    assert answer.status_code == 200
    assert list(answer.json().items()) == [("S-1", good), ("12", good), ("1.5", good)]


# --- Rows that break ------------------------------------------------------------------------------------------------


def broken_at(keys):
    def work(rows):
        for each in rows:
            if each["student_key"] in keys:
                raise RuntimeError(each["student_key"])
        return {each["student_key"]: "enrolled" for each in rows}

    return work


@pytest.mark.parametrize("broken", [set(), {"S-3"}, {"S-0", "S-12", "S-24"}, {f"S-{number}" for number in range(25)}])
def test_rows_that_break_are_found_and_the_others_stand(broken, caplog):
    rows = [row(f"S-{number}") for number in range(25)]
    with caplog.at_level(logging.ERROR):
        words = batches.carried_out(rows, broken_at(broken))
    assert {key for key, word in words.items() if word == "internal-error"} == broken
    assert list(words) == [each["student_key"] for each in rows]
    assert len(caplog.records) == len(broken)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 204),
        (["enrolled", "ended"], 200),
        (["enrolled", "conflict"], 207),
        (["conflict", "internal-error"], 422),
    ],
)
def test_the_status_says_what_the_words_say(words, status):
    assert batches.outcome(words) == status
