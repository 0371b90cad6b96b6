"""GET, POST, PATCH and PUT .../programs/{program}/enrollments/ (contract: program-enrollments)."""

from __future__ import annotations

import uuid

import pytest

from enrollments.models import CourseEnrollment, Organization
from program_enrollments.models import ProgramEnrollment
from program_enrollments.services import program_writes
from tests.factories import CourseRunFactory, ProgramEnrollmentFactory, ProgramFactory, UserFactory
from tests.program_enrollments.scenes import enrollments_path, program_of, send
from tests.program_enrollments.students import identity, provider

pytestmark = pytest.mark.django_db
ONE = uuid.UUID("b1f0c0de-0000-4000-8000-000000000001")
TWO = uuid.UUID("b1f0c0de-0000-4000-8000-000000000002")


@pytest.fixture
def program():
    return program_of(CourseRunFactory())


@pytest.fixture
def write(worker, program):
    """`write("put", row(...), ...)` sends rows to the program; answers status and words."""

    def call(method, *rows, to=program):
        answer = send(worker, method, enrollments_path(to), rows)
        return answer.status_code, answer.json()

    return call


def row(key="S-1", status="enrolled", curriculum=ONE):
    return {"student_key": key, "status": status, "curriculum_uuid": str(curriculum)}


def student(program, key="S-1", status="enrolled", curriculum=ONE, **fields):
    return ProgramEnrollmentFactory(
        program_uuid=program.pk, external_user_key=key, status=status, curriculum_uuid=curriculum, **fields
    )


def stored(program):
    rows = ProgramEnrollment.objects.filter(program_uuid=program.pk)
    return [(each.external_user_key, each.status, each.user and each.user.username) for each in rows]


# --- Lists ----------------------------------------------------------------------------------------------------------


def test_students_are_listed_in_order_waiting_and_with_accounts(worker, program):
    ana = UserFactory(username="ana", email="ana@uni.example")
    student(program, "S-100", "pending")
    student(program, "S-101", "canceled", TWO, user=ana)
    student(ProgramFactory(), "elsewhere")
    answer = worker.get(enrollments_path(program))
    assert answer.status_code == 200
    assert list(answer.json()) == ["next", "previous", "results"]
    assert answer.json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "student_key": "S-100",
                "status": "pending",
                "account_exists": False,
                "curriculum_uuid": str(ONE),
                "username": "",
                "email": "",
            },
            {
                "student_key": "S-101",
                "status": "canceled",
                "account_exists": True,
                "curriculum_uuid": str(TWO),
                "username": "ana",
                "email": "ana@uni.example",
            },
        ],
    }


def test_a_program_without_students_is_an_empty_page(worker, program):
    assert worker.get(enrollments_path(program)).json() == {"next": None, "previous": None, "results": []}


def test_a_student_without_a_key_has_none(worker, program):
    student(program, None, user=UserFactory())
    assert worker.get(enrollments_path(program)).json()["results"][0]["student_key"] is None


def test_pages_follow_each_other_and_keep_the_other_parameters(worker, program):
    for number in range(5):
        student(program, f"S-{number}")
    seen, address = [], f"{enrollments_path(program)}?page_size=2&extra=1"
    while address:
        answer = worker.get(address)
        seen += [each["student_key"] for each in answer.json()["results"]]
        address = answer.json()["next"]
        if address:
            assert address.startswith(f"http://testserver{enrollments_path(program)}?cursor=")
            assert address.endswith("&extra=1&page_size=2")
    assert seen == [f"S-{number}" for number in range(5)]
    assert worker.get(answer.json()["previous"]).json()["results"][0]["student_key"] == "S-2"
    answer = worker.get(enrollments_path(program), {"cursor": "x"})
    assert (answer.status_code, answer.json()) == (404, {"developer_message": "Invalid cursor"})


def test_a_page_of_a_hundred_costs_three_statements(worker, program, django_assert_num_queries):
    for number in range(101):
        student(program, f"S-{number}", user=UserFactory() if number % 2 else None)
    with django_assert_num_queries(3):  # the caller, the program, the page
        answer = worker.get(enrollments_path(program))
    assert len(answer.json()["results"]) == 100
    for size, number in (("0", 100), ("x", 100), ("-1", 100), ("101", 101)):
        assert len(worker.get(enrollments_path(program), {"page_size": size}).json()["results"]) == number


# --- Words ----------------------------------------------------------------------------------------------------------

ALL = ["enrolled", "pending", "suspended", "canceled", "ended"]


@pytest.mark.parametrize("method", ["post", "put"])
@pytest.mark.parametrize("status", ALL)
def test_a_new_student_gets_the_status_and_the_curriculum_as_given(write, program, method, status):
    assert write(method, row(status=status)) == (200, {"S-1": status})
    made = ProgramEnrollment.objects.get()
    assert (made.program_uuid, made.curriculum_uuid, made.status) == (program.pk, ONE, status)
    assert (made.external_user_key, made.user) == ("S-1", None)
    assert [each.history_type for each in made.history.all()] == ["+"]


def test_an_unknown_status_is_named_and_the_others_stand(write, program):
    assert write("post", row("S-1"), row("S-2", "paused"), row("S-3", "Enrolled")) == (
        207,
        {"S-1": "enrolled", "S-2": "invalid-status", "S-3": "invalid-status"},
    )
    assert stored(program) == [("S-1", "enrolled", None)]


def test_a_post_of_a_student_in_any_curriculum_is_a_conflict(write, program):
    student(program, "s-1", curriculum=TWO)
    assert write("post", row("S-1", "ended"), row("S-2")) == (207, {"S-1": "conflict", "S-2": "enrolled"})
    assert stored(program)[0] == ("s-1", "enrolled", None)


def test_a_patch_of_a_student_who_is_not_there_is_not_in_program(write, program):
    student(ProgramFactory(), "S-1")
    assert write("patch", row("S-1")) == (422, {"S-1": "not-in-program"})
    assert stored(program) == []


@pytest.mark.parametrize("method", ["patch", "put"])
def test_an_update_sets_the_status_and_nothing_else_and_names_the_key_as_the_request_did(write, program, boss, method):
    before = student(program, "s-1", "canceled", TWO)
    assert write(method, row("S-1", "enrolled")) == (200, {"S-1": "enrolled"})
    after = ProgramEnrollment.objects.get()
    assert (after.status, after.external_user_key, after.curriculum_uuid) == ("enrolled", "s-1", TWO)
    assert (after.created, after.modified > before.modified) == (before.created, True)
    newest = after.history.first()
    assert (newest.history_type, newest.status, newest.history_user) == ("~", "enrolled", boss)
    assert after.history.count() == 2


@pytest.mark.parametrize("method", ["patch", "put"])
def test_repeating_a_status_is_saved_and_is_history(write, program, method):
    before = student(program)
    assert write(method, row()) == (200, {"S-1": "enrolled"})
    after = ProgramEnrollment.objects.get()
    assert after.modified > before.modified
    assert after.history.count() == 2


@pytest.mark.parametrize("before", ALL)
@pytest.mark.parametrize("after", ALL)
def test_every_status_may_become_every_other(write, program, before, after):
    student(program, status=before)
    assert write("patch", row(status=after)) == (200, {"S-1": after})


def test_of_a_student_in_several_curricula_the_row_chooses_one_else_the_oldest_is_updated(write, program):
    oldest = student(program, curriculum=TWO)
    named = student(program, "s-1", curriculum=ONE)
    assert write("patch", row(status="canceled")) == (200, {"S-1": "canceled"})
    named.refresh_from_db()
    assert named.status == "canceled"
    assert write("put", row(status="ended")) == (200, {"S-1": "ended"})
    assert write("put", row(status="pending", curriculum=uuid.uuid4())) == (200, {"S-1": "pending"})
    oldest.refresh_from_db()
    named.refresh_from_db()
    assert (oldest.status, named.status) == ("pending", "ended")
    assert write("patch", {"student_key": "S-1", "status": "suspended"}) == (200, {"S-1": "suspended"})
    oldest.refresh_from_db()
    assert oldest.status == "suspended"


def test_unknown_fields_are_ignored(write, program):
    assert write("put", {**row(), "favourite": "tea"}) == (200, {"S-1": "enrolled"})


def test_students_of_other_programs_are_left_alone(write, program):
    other = ProgramFactory()
    student(other, "S-1", "canceled")
    assert write("put", row("S-1")) == (200, {"S-1": "enrolled"})
    assert stored(other) == [("S-1", "canceled", None)]


def test_a_change_of_status_touches_no_plain_enrollment(write, program):
    account = UserFactory()
    student(program, user=account)
    write("put", row(status="ended"))
    assert not CourseEnrollment.objects.exists()


# --- Finding the user -----------------------------------------------------------------------------------------------


def account(uid, username="ana"):
    made = UserFactory(username=username)
    identity(made, uid)
    return made


@pytest.mark.parametrize("key", ["S-1", "s-1"])
def test_a_new_student_is_the_account_with_the_key_at_the_owners_provider_whatever_the_case(write, program, key):
    provider("acme-idp", "Acme")
    account("acme-idp:S-1")
    assert write("post", row(key)) == (200, {key: "enrolled"})
    assert stored(program) == [(key, "enrolled", "ana")]


def test_an_identity_spelled_as_the_key_comes_before_one_of_another_case(write, program):
    provider("acme-idp", "Acme")
    account("acme-idp:s-1", "bob")
    account("acme-idp:S-1", "ana")
    write("post", row("S-1"))
    assert stored(program) == [("S-1", "enrolled", "ana")]


def test_the_case_of_letters_with_accents_is_ignored_too(write, program):
    provider("acme-idp", "Acme")
    account("acme-idp:ÖL-1", "ana")
    assert write("post", row("öl-1"), row("Ä-2")) == (200, {"öl-1": "enrolled", "Ä-2": "enrolled"})
    assert stored(program) == [("öl-1", "enrolled", "ana"), ("Ä-2", "enrolled", None)]
    assert write("post", row("Öl-1"), row("ä-2")) == (422, {"Öl-1": "conflict", "ä-2": "conflict"})
    assert write("patch", row("ä-2", "ended")) == (200, {"ä-2": "ended"})
    assert stored(program)[1] == ("Ä-2", "ended", None)


def test_two_providers_of_one_organisation_both_count(write, program):
    provider("old-idp", "Acme")
    provider("new-idp", "Acme")
    account("old-idp:S-1", "ana")
    account("new-idp:S-2", "bob")
    write("put", row("S-1"), row("S-2"))
    assert stored(program) == [("S-1", "enrolled", "ana"), ("S-2", "enrolled", "bob")]


def test_disabled_and_replaced_providers_and_those_of_others_do_not_count(write):
    program = program_of(CourseRunFactory(), organizations=("Acme", "Second"))
    provider("off", "Acme", enabled=False)
    provider("moved", "Acme")
    provider("moved", "Other")
    provider("second-idp", "Second")
    provider("other-idp", "Other")
    for number, slug in enumerate(("off", "moved", "second-idp", "other-idp")):
        account(f"{slug}:S-{number}", f"user{number}")
    words = {f"S-{number}": "enrolled" for number in range(4)}
    assert write("put", *map(row, words), to=program) == (200, words)
    assert [name for _, _, name in stored(program)] == [None] * 4


def test_a_program_without_owner_or_provider_has_waiting_students(write):
    ownerless = program_of(CourseRunFactory(), organizations=())
    assert write("put", row(), to=ownerless) == (200, {"S-1": "enrolled"})
    assert stored(ownerless) == [("S-1", "enrolled", None)]
    assert not Organization.objects.filter(short_name="Nobody").exists()


def test_a_second_key_of_an_account_in_the_same_curriculum_is_a_conflict_of_its_row(write, program):
    provider("one", "Acme")
    provider("two", "Acme")
    ana = account("one:A1")
    identity(ana, "two:A2")
    assert write("post", row("A1"), row("A2"), row("A3")) == (
        207,
        {"A1": "enrolled", "A2": "conflict", "A3": "enrolled"},
    )
    assert write("put", row("A2")) == (422, {"A2": "conflict"})
    assert write("put", row("A2", curriculum=TWO)) == (200, {"A2": "enrolled"})


def test_an_update_links_nobody(write, program):
    provider("acme-idp", "Acme")
    account("acme-idp:S-1")
    student(program)
    assert write("put", row(status="pending")) == (200, {"S-1": "pending"})
    assert stored(program) == [("S-1", "pending", None)]


# --- Cost, and what goes wrong --------------------------------------------------------------------------------------


def rows_of(known, new, numbers):
    return [row(known.format(n), "ended") for n in numbers] + [row(new.format(n)) for n in numbers]


def test_25_rows_cost_as_many_statements_as_two(worker, program, django_assert_num_queries):
    provider("one", "Acme")
    provider("two", "Acme")
    for number in range(30):
        student(program, f"old-{number}", user=UserFactory() if number % 2 else None)
        account(f"one:new-{number}", f"user{number}")
    path = enrollments_path(program)
    with django_assert_num_queries(14) as few:
        assert send(worker, "put", path, rows_of("old-{}", "NEW-{}", [0])).status_code == 200
    with django_assert_num_queries(len(few)):
        body = [*rows_of("old-{}", "NEW-{}", range(1, 13)), row("old-20", "pending")]
        assert send(worker, "put", path, body).status_code == 200
    assert ProgramEnrollment.objects.filter(user__isnull=False).count() == 13 + 15


def test_a_row_that_breaks_is_an_internal_error_and_the_others_stand(write, program, monkeypatch):
    students = program_writes.accounts_by_key

    def broken(program_id, keys):
        if "bad" in keys:
            raise RuntimeError
        return students(program_id, keys)

    monkeypatch.setattr(program_writes, "accounts_by_key", broken)
    student(program, "old", "pending")
    rows = [row("S-1"), row("bad"), row("old"), row("S-2")]
    words = {"S-1": "enrolled", "bad": "internal-error", "old": "enrolled", "S-2": "enrolled"}
    assert write("put", *rows) == (207, words)
    assert sorted(key for key, _, _ in stored(program)) == ["S-1", "S-2", "old"]
    assert ProgramEnrollment.objects.get(external_user_key="old").history.count() == 2


def test_a_student_who_appears_meanwhile_is_a_conflict_and_no_error(write, program, monkeypatch):
    def meanwhile(program_id, keys):
        student(program, "s-1", "pending")
        return {}

    monkeypatch.setattr(program_writes, "accounts_by_key", meanwhile)
    assert write("put", row("S-1"), row("S-2")) == (207, {"S-1": "conflict", "S-2": "enrolled"})
    assert stored(program) == [("s-1", "pending", None), ("S-2", "enrolled", None)]
