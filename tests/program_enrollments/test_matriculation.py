"""What happens when an identity is saved (contract: program-enrollments, Linking external keys to accounts)."""

from __future__ import annotations

import logging

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollments.models import CourseAccessRole, CourseEnrollment, UserSocialAuth
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.services import course_staff
from program_enrollments.services.matriculation import LinkingFailed, matriculate
from tests.factories import CourseEnrollmentFactory, ProgramFactory, UserFactory
from tests.program_enrollments.scenes import program_of, runs
from tests.program_enrollments.students import identity, plain, provider, student

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return runs(1, modes=["audit", "masters"])[0]


@pytest.fixture
def program(run):
    """A program of Acme, whose people sign in through `idp`."""
    provider("idp", "Acme")
    return program_of(run)


def owner_of(enrollment):
    enrollment.refresh_from_db()
    return enrollment.user


def test_a_first_sign_in_links_what_waits_and_enrolls_in_its_runs(ana, program, run):
    waiting = student(program, "S-1", run)
    identity(ana, "idp:S-1")
    assert owner_of(waiting) == ana
    assert plain(ana) == {run.pk: ("masters", True)}
    in_run = ProgramCourseEnrollment.objects.get()
    assert in_run.course_enrollment == CourseEnrollment.objects.get()
    assert [row.user_id for row in ProgramEnrollment.history.filter(id=waiting.pk)] == [ana.pk, None]
    assert ProgramCourseEnrollment.history.filter(course_enrollment_id=in_run.course_enrollment_id).count() == 1


def test_the_status_of_the_row_of_the_run_decides_whether_the_enrollment_is_active(ana, program, run):
    student(program, "S-1", run, run_status="inactive")
    identity(ana, "idp:S-1")
    assert plain(ana) == {run.pk: ("masters", False)}
    assert ProgramCourseEnrollment.objects.get().course_enrollment is not None


def test_an_active_enrollment_of_another_kind_stays_and_is_tied_to_the_row(ana, program, run):
    verified = CourseEnrollmentFactory(user=ana, course_id=run.pk, mode="verified")
    student(program, "S-1", run)
    identity(ana, "idp:S-1")
    assert plain(ana) == {run.pk: ("verified", True)}
    assert ProgramCourseEnrollment.objects.get().course_enrollment == verified


@pytest.mark.parametrize("key", ["s-1", "S-1"])
def test_keys_are_compared_ignoring_case_and_stay_as_written(ana, program, key):
    waiting = student(program, "S-1")
    identity(ana, f"idp:{key}")
    assert owner_of(waiting) == ana
    assert waiting.external_user_key == "S-1"


@pytest.mark.parametrize("status", ["enrolled", "pending", "suspended", "canceled", "ended"])
def test_enrollments_of_every_status_are_linked_in_every_program_and_curriculum(ana, program, status):
    other = program_of(status="retired")
    waiting = [student(program, "S-1", status=status), student(program, "S-1"), student(other, "S-1")]
    identity(ana, "idp:S-1")
    assert [owner_of(each) for each in waiting] == [ana, ana, ana]


@pytest.mark.parametrize("uid", ["idp", "idp:", ":S-1", "idp:S-1:x", "a:idp:S-1", "other:S-1", "IDP:S-1", "idp:S-2"])
def test_a_uid_that_is_not_a_slug_and_the_key_links_nothing(ana, program, uid):
    waiting = student(program, "S-1")
    identity(ana, uid)
    assert owner_of(waiting) is None


def test_a_key_with_a_colon_never_matches(ana, program):
    waiting = student(program, "S:1")
    identity(ana, "idp:S:1")
    assert owner_of(waiting) is None


def test_an_identity_of_another_kind_of_provider_links_nothing(ana, program):
    waiting = student(program, "S-1")
    identity(ana, "idp:S-1", kind="google-oauth2")
    assert owner_of(waiting) is None


def test_an_unknown_provider_is_logged(ana, program, caplog):
    with caplog.at_level(logging.WARNING):
        identity(ana, "nobody:S-1")
    assert "provider that is not there: nobody" in caplog.text


def test_a_disabled_provider_counts(ana, run):
    provider("idp", "Acme", enabled=False)
    waiting = student(program_of(run), "S-1")
    identity(ana, "idp:S-1")
    assert owner_of(waiting) == ana


@pytest.mark.parametrize("newest", [{"organization": None}, {"organization": "Other"}, {"archived": True}])
def test_only_the_current_version_of_a_provider_counts(ana, program, newest):
    provider("idp", **newest)
    waiting = student(program, "S-1")
    identity(ana, "idp:S-1")
    assert owner_of(waiting) is None


def test_the_same_key_at_another_school_stays_waiting(ana, program):
    foreign = student(program_of(organizations=("Other", "Acme")), "S-1")
    mine = student(program, "S-1")
    identity(ana, "idp:S-1")
    assert owner_of(foreign) is None
    assert owner_of(mine) == ana


def test_two_providers_of_one_school_both_link(ana, program):
    provider("new-idp", "Acme")
    bob = UserFactory()
    first, second = student(program, "S-1"), student(program, "S-2")
    identity(ana, "idp:S-1")
    identity(bob, "new-idp:S-2")
    assert [owner_of(first), owner_of(second)] == [ana, bob]


def test_a_program_without_an_author_is_skipped(ana, program):
    waiting = student(program_of(organizations=()), "S-1")
    identity(ana, "idp:S-1")
    assert owner_of(waiting) is None


@pytest.mark.parametrize("status", [None, "unpublished", "deleted"])
def test_a_program_that_is_not_known_is_skipped_and_logged(ana, program, caplog, status):
    unknown = program_of(status=status) if status else ProgramFactory.build()
    waiting = student(unknown, "S-1")
    with caplog.at_level(logging.WARNING):
        identity(ana, "idp:S-1")
    assert owner_of(waiting) is None
    assert f"a program that is not known: {unknown.pk}" in caplog.text


def test_who_is_linked_already_keeps_the_account(ana, program):
    bob = UserFactory()
    linked = student(program, "S-1", user=bob)
    identity(ana, "idp:S-1")
    assert owner_of(linked) == bob


def test_a_changed_identity_links_too(ana, program):
    waiting = student(program, "S-1")
    mine = identity(ana, "idp:other")
    mine.uid = "idp:S-1"
    mine.save()
    assert owner_of(waiting) == ana


def test_identities_that_a_command_renames_link_too(ana, program, tmp_path):
    waiting = student(program, "S-1")
    identity(ana, "idp:old")
    file = tmp_path / "uids.csv"
    file.write_text("old-uid,new-uid\nidp:old,idp:S-1\n")
    call_command("update_enterprise_social_auth_uids", str(file), "--no-dry-run")
    assert owner_of(waiting) == ana


# --- Course roles ---------------------------------------------------------------------------------------------------


def test_a_pending_role_becomes_a_real_one(ana, program, run):
    student(program, "S-1", run)
    CourseAccessRoleAssignment.objects.create(enrollment=ProgramCourseEnrollment.objects.get(), role="staff")
    identity(ana, "idp:S-1")
    assert list(CourseAccessRole.objects.values_list("user", "course_id", "role")) == [(ana.pk, run.pk, "staff")]
    assert not CourseAccessRoleAssignment.objects.exists()


def test_a_role_that_is_held_already_is_fine(ana, program, run):
    CourseAccessRole.objects.create(user=ana, course_id=run.pk, org=run.org, role="staff")
    student(program, "S-1", run)
    CourseAccessRoleAssignment.objects.create(enrollment=ProgramCourseEnrollment.objects.get(), role="staff")
    identity(ana, "idp:S-1")
    assert CourseAccessRole.objects.count() == 1
    assert not CourseAccessRoleAssignment.objects.exists()


def test_a_role_that_cannot_be_given_does_not_stop_the_linking(ana, program, run, monkeypatch, caplog):
    def fail(pairs):
        raise RuntimeError("no roles today")

    monkeypatch.setattr(course_staff, "grant_staff", fail)
    waiting = student(program, "S-1", run)
    CourseAccessRoleAssignment.objects.create(enrollment=ProgramCourseEnrollment.objects.get(), role="staff")
    identity(ana, "idp:S-1")
    assert owner_of(waiting) == ana
    assert "no roles today" in caplog.text


# --- Failures -------------------------------------------------------------------------------------------------------


def test_a_run_that_is_gone_fails_the_saving_of_the_identity(ana, program, run, caplog):
    waiting = student(program, "S-1", run)
    gone = run.pk
    run.delete()
    with pytest.raises(LinkingFailed, match="NonExistentCourseError"):
        identity(ana, "idp:S-1")
    assert not UserSocialAuth.objects.exists()
    assert not UserSocialAuth.history.exists()
    assert owner_of(waiting) is None
    assert not CourseEnrollment.objects.filter(course_id=gone).exists()
    assert f"students were not linked with accounts [{ana.pk}]" in caplog.text


def test_a_second_enrollment_in_one_curriculum_fails_the_saving_of_the_identity(ana, program):
    held = student(program, "S-1", user=ana)
    waiting = student(program, "S-2", curriculum_uuid=held.curriculum_uuid)
    with pytest.raises(LinkingFailed, match="IntegrityError"):
        identity(ana, "idp:S-2")
    assert not UserSocialAuth.objects.exists()
    assert owner_of(waiting) is None


def test_the_console_says_why_an_identity_cannot_be_saved(ana, program, run):
    student(program, "S-1", run)
    run.delete()
    client = Client()
    client.force_login(UserFactory(staff=True, superuser=True))
    sent = {"user": ana.pk, "provider": "tpa-saml", "uid": "idp:S-1", "extra_data": "{}"}
    page = client.post(reverse("admin:enrollments_usersocialauth_add"), sent, follow=True)
    assert page.status_code == 200
    assert "The identity was not saved: NonExistentCourseError" in page.content.decode()
    assert not UserSocialAuth.objects.exists()


def test_the_console_saves_an_identity_and_links(ana, program):
    waiting = student(program, "S-1")
    client = Client()
    client.force_login(UserFactory(staff=True, superuser=True))
    sent = {"user": ana.pk, "provider": "tpa-saml", "uid": "idp:S-1", "extra_data": "{}"}
    assert client.post(reverse("admin:enrollments_usersocialauth_add"), sent).status_code == 302
    assert owner_of(waiting) == ana


# --- Costs ----------------------------------------------------------------------------------------------------------


def cost_of(identities):
    with CaptureQueriesContext(connection) as statements:
        matriculate(identities)
    return len(statements)


def test_many_students_cost_as_many_statements_as_one(program, run):
    in_runs = [run, *runs(2)]

    def saved(numbers):
        accounts = [UserFactory() for _ in numbers]
        rows = [
            UserSocialAuth(user=account, provider="tpa-saml", uid=f"idp:S-{number}")
            for account, number in zip(accounts, numbers, strict=True)
        ]
        for number in numbers:
            student(program, f"S-{number}", *in_runs)
        return UserSocialAuth.objects.bulk_create(rows)

    one, many = saved(range(1)), saved(range(1, 20))
    assert cost_of(one) == cost_of(many)
    assert not ProgramEnrollment.objects.filter(user=None).exists()
    assert CourseEnrollment.objects.filter(mode="masters").count() == 60


def test_an_identity_that_nothing_waits_for_costs_two_statements(ana, program, django_assert_num_queries):
    saved = UserSocialAuth.objects.bulk_create([UserSocialAuth(user=ana, provider="tpa-saml", uid="idp:S-1")])
    with django_assert_num_queries(2):
        matriculate(saved)
