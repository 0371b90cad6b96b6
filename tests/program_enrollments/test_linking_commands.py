"""`manage.py link_program_enrollments` and `migrate_saml_uids` (contract: program-enrollments, Background work)."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrollments.models import UserSocialAuth
from program_enrollments.models import ProgramEnrollment
from tests.factories import UserFactory
from tests.program_enrollments.scenes import program_of, runs
from tests.program_enrollments.students import identity, plain, provider, student

pytestmark = pytest.mark.django_db


@pytest.fixture
def program():
    provider("idp", "Acme")
    return program_of(*runs(1))


@pytest.fixture
def ana():
    return UserFactory(username="ana", email="Ana@learners.example")


def run(command, *arguments):
    said, wrong = StringIO(), StringIO()
    call_command(command, *arguments, stdout=said, stderr=wrong)
    return said.getvalue(), wrong.getvalue()


def owner_of(enrollment):
    enrollment.refresh_from_db()
    return enrollment.user


# --- link_program_enrollments -----------------------------------------------------------------------------------------


def test_students_are_linked_and_failures_told(program, ana):
    in_run = runs(1)[0]
    first, second = student(program, "S-1", in_run), student(program, "S-2")
    said, wrong = run("link_program_enrollments", str(program.pk), "s-1:ana", "S-2:nobody")
    assert said == "1 students were linked, 1 not.\n"
    assert wrong == "No user found with username nobody\n"
    assert [owner_of(first), owner_of(second)] == [ana, None]
    assert plain(ana) == {in_run.pk: ("masters", True)}


@pytest.mark.parametrize("pair", ["S-2", "S-2:", ":ana", "S:2:ana", ""])
def test_a_malformed_pair_stops_everything(program, ana, pair):
    waiting = student(program, "S-1")
    with pytest.raises(CommandError) as error:
        run("link_program_enrollments", str(program.pk), "S-1:ana", pair)
    assert str(error.value) == (
        f"incorrectly formatted argument '{pair}', must be in form <external user key>:<lms username>"
    )
    assert owner_of(waiting) is None


@pytest.mark.parametrize("key", ["S-1", "s-1"])
def test_a_key_given_twice_stops_everything(program, ana, key):
    waiting = student(program, "S-1")
    with pytest.raises(CommandError, match=f"external user key {key} provided multiple times"):
        run("link_program_enrollments", str(program.pk), "S-1:ana", f"{key}:ana")
    assert owner_of(waiting) is None


def test_a_program_that_is_no_uuid_stops_everything(ana):
    with pytest.raises(CommandError, match="'nonsense' is not a UUID"):
        run("link_program_enrollments", "nonsense", "S-1:ana")


# --- migrate_saml_uids ------------------------------------------------------------------------------------------------


@pytest.fixture
def migrate(tmp_path):
    """`migrate({"a@x.example": "key"})` runs the command with a file of these, or with a text as the file."""

    def call(mapping, slug="idp"):
        file = tmp_path / "mapping.json"
        if isinstance(mapping, dict):
            mapping = json.dumps([{"email": email, "student_key": key} for email, key in mapping.items()])
        file.write_text(mapping)
        return run("migrate_saml_uids", "--uid-mapping", str(file), "--saml-provider-slug", slug)

    return call


def uids(account):
    return sorted(account.social_auth.values_list("uid", flat=True))


def test_identities_get_the_student_key_and_what_waits_is_linked(migrate, program, ana):
    waiting = student(program, "S-1")
    identity(ana, "idp:ana@school")
    said, wrong = migrate({"ana@learners.example": "S-1"})
    assert (said, wrong) == ("1 identities were renamed, 0 had their uid already, 0 not.\n", "")
    assert uids(ana) == ["idp:S-1"]
    assert UserSocialAuth.history.filter(uid="idp:S-1", history_type="~").count() == 1
    assert owner_of(waiting) == ana


def test_identities_of_other_providers_and_accounts_stay(migrate, program, ana):
    bob = UserFactory()
    for account, uid in ((ana, "idp:old"), (ana, "idp2:old"), (ana, "IDP:x"), (bob, "idp:bob")):
        identity(account, uid)
    identity(ana, "idp:google", kind="google-oauth2")
    migrate({ana.email: "S-1"})
    assert uids(ana) == ["IDP:x", "idp2:old", "idp:S-1", "idp:google"]
    assert uids(bob) == ["idp:bob"]


def test_one_identity_of_an_account_is_renamed_the_oldest(migrate, program, ana):
    identity(ana, "idp:b")
    identity(ana, "idp:a")
    migrate({ana.email: "S-1"})
    assert uids(ana) == ["idp:S-1", "idp:a"]


def test_of_an_address_that_is_there_twice_the_last_line_counts(migrate, program, ana):
    identity(ana, "idp:old")
    rows = [{"email": "ana@learners.example", "student_key": "S-1"}, {"email": ana.email, "student_key": "S-2"}]
    migrate(json.dumps(rows))
    assert uids(ana) == ["idp:S-2"]


def test_what_cannot_be_renamed_is_told_and_the_others_are(migrate, program, ana):
    bob, cyd, dan = (UserFactory(username=name) for name in ("bob", "cyd", "dan"))
    for account, uid in ((ana, "idp:old"), (bob, "idp:S-2"), (cyd, "idp:S-3")):
        identity(account, uid)
    said, wrong = migrate(
        {ana.email: "S-1", bob.email: "S-2", cyd.email: "S-1", dan.email: "S-4", "nobody@x.example": "S-5"}
    )
    assert said == "1 identities were renamed, 1 had their uid already, 3 not.\n"
    assert "idp:S-3: idp:S-1 is taken." in wrong
    assert f"{dan.email}: nobody with this address has an identity of idp." in wrong
    assert "nobody@x.example: nobody with this address has an identity of idp." in wrong
    assert [uids(each) for each in (ana, bob, cyd)] == [["idp:S-1"], ["idp:S-2"], ["idp:S-3"]]


def test_one_student_who_cannot_be_linked_does_not_stop_the_others(migrate, program):
    accounts = [UserFactory() for _ in range(5)]
    for number, account in enumerate(accounts):
        identity(account, f"idp:old{number}")
    held = student(program, "S-x", user=accounts[2])
    waiting = [student(program, f"S-{number}", curriculum_uuid=held.curriculum_uuid) for number in range(5)]
    said, wrong = migrate({account.email: f"S-{number}" for number, account in enumerate(accounts)})
    assert said == "4 identities were renamed, 0 had their uid already, 1 not.\n"
    assert wrong.startswith("idp:old2: IntegrityError: ")
    assert [owner_of(each) for each in waiting] == [*accounts[:2], None, *accounts[3:]]
    assert uids(accounts[2]) == ["idp:old2"]


def test_running_it_again_changes_nothing(migrate, program, ana):
    identity(ana, "idp:old")
    migrate({ana.email: "S-1"})
    before = UserSocialAuth.history.count()
    assert migrate({ana.email: "S-1"})[0] == "0 identities were renamed, 1 had their uid already, 0 not.\n"
    assert UserSocialAuth.history.count() == before


def test_a_student_key_that_no_uid_can_hold_is_told(migrate, program, ana):
    identity(ana, "idp:old")
    assert "the student key is too long" in migrate({ana.email: "S" * 255})[1]
    assert uids(ana) == ["idp:old"]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "7",
        "[7]",
        '[{"email": "a@x.example"}]',
        '[{"email": 1, "student_key": "S"}]',
        '[{"email": "a", "student_key": " "}]',
    ],
)
def test_a_file_of_another_shape_is_refused(migrate, text):
    with pytest.raises(CommandError, match="The file holds a JSON list"):
        migrate(text)


def test_a_file_that_is_no_json_or_not_there_is_refused(migrate, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        migrate("[")
    with pytest.raises(CommandError, match="cannot be read"):
        run("migrate_saml_uids", "--uid-mapping", str(tmp_path / "none.json"), "--saml-provider-slug", "idp")


@pytest.mark.parametrize("slug", ["", "a:b"])
def test_a_text_that_is_no_slug_is_refused(migrate, slug):
    with pytest.raises(CommandError, match="not the slug of a provider"):
        migrate({}, slug)


def test_many_identities_cost_as_many_statements_as_one(migrate, program):
    def cost_of(numbers):
        accounts = [UserFactory() for _ in numbers]
        for number, account in zip(numbers, accounts, strict=True):
            identity(account, f"idp:old{number}")
            student(program, f"S-{number}")
        with CaptureQueriesContext(connection) as statements:
            migrate({account.email: f"S-{number}" for number, account in zip(numbers, accounts, strict=True)})
        return len(statements)

    assert cost_of(range(1)) == cost_of(range(1, 20))
    assert not ProgramEnrollment.objects.filter(user=None).exists()
