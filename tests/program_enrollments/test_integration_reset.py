"""POST integration-reset (contract: program-enrollments)."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollments.models import CourseEnrollment, Program, User, UserSocialAuth
from enterprise.models import EnterpriseCustomerUser
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment
from saml_admin.models import SAMLProviderConfig
from tests.factories import (
    CourseEnrollmentFactory,
    CourseRunFactory,
    LearnerFactory,
    OrganizationFactory,
    ProgramCourseEnrollmentFactory,
    ProgramEnrollmentFactory,
    UserFactory,
)
from tests.program_enrollments.scenes import API, program_of

pytestmark = pytest.mark.django_db
URL = f"{API}/integration-reset"
OFF = "reset not enabled on this environment"
NO_NAME = "missing required body content 'organization'"


@pytest.fixture(autouse=True)
def sandbox(settings):
    settings.ENABLE_ENROLLMENT_RESET = True


@pytest.fixture
def acme():
    return OrganizationFactory(short_name="Acme")


def provider(organization, slug, **fields):
    return SAMLProviderConfig.objects.create(organization=organization, slug=slug, **{"enabled": True, **fields})


def person(uid, kind="tpa-saml"):
    account = UserFactory()
    UserSocialAuth.objects.create(user=account, provider=kind, uid=uid)
    return account


def student(program, run=None, user=None, plain=True):
    """A student of the program, in the run if one is given, with a plain enrollment there."""
    enrollment = ProgramEnrollmentFactory(program_uuid=program.pk, user=user)
    if run is not None:
        linked = CourseEnrollmentFactory(user=user, course_id=run.pk, mode="masters") if user and plain else None
        ProgramCourseEnrollmentFactory(program_enrollment=enrollment, course_key=run.pk, course_enrollment=linked)
    return enrollment


def reset(client, organization="Acme", url=URL):
    return client.post(url, {"organization": organization})


def left(accounts):
    return [User.objects.filter(pk=account.pk).exists() for account in accounts]


# --- Refusals -------------------------------------------------------------------------------------------------------


def test_without_credentials_it_is_a_401_with_a_challenge(client):
    answer = reset(client)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}
    assert answer["WWW-Authenticate"] == 'JWT realm="api"'


@pytest.mark.parametrize("header", ["Bearer unknown", "Bearer", "Bearer two words", "JWT unknown"])
def test_a_bad_token_is_told_in_the_same_shape(client, header):
    answer = client.post(URL, {"organization": "Acme"}, format="json", HTTP_AUTHORIZATION=header)
    assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    assert answer.json()["detail"]
    assert isinstance(answer.json()["detail"], str)
    assert answer["WWW-Authenticate"] == 'JWT realm="api"'


@pytest.mark.parametrize("flags", [{}, {"is_superuser": True}])
def test_only_staff_may_reset_whether_it_is_enabled_or_not(as_user, settings, flags):
    for enabled in (True, False):
        settings.ENABLE_ENROLLMENT_RESET = enabled
        answer = reset(as_user(UserFactory(**flags)))
        assert answer.status_code == 403
        assert answer.json() == {"detail": "You do not have permission to perform this action."}


def test_the_token_of_a_restricted_application_is_refused(as_user, boss, acme):
    client = as_user(boss, restricted=True, filters=["content_org:Acme"], scopes=["read", "write"])
    assert reset(client).status_code == 403


def test_where_it_is_not_enabled_nothing_is_looked_at(worker, acme, settings):
    settings.ENABLE_ENROLLMENT_RESET = False
    enrollment = student(program_of())
    for answer in (reset(worker), worker.post(URL), worker.post(URL, "{", content_type="application/json")):
        assert (answer.status_code, answer.json()) == (501, OFF)
    assert ProgramEnrollment.objects.filter(pk=enrollment.pk).exists()


def test_it_is_not_enabled_unless_the_deployment_says_so():
    from config import settings as configured

    assert configured.ENABLE_ENROLLMENT_RESET is False


@pytest.mark.parametrize("body", [{}, {"org": "Acme"}, [], ["organization"], "organization", None, 5])
def test_a_body_without_an_organisation_is_refused(worker, body):
    answer = worker.post(URL, json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, NO_NAME)


def test_no_body_at_all_is_refused(worker):
    answer = worker.post(URL)
    assert (answer.status_code, answer.json()) == (400, NO_NAME)


@pytest.mark.parametrize("body", ["{", '{"organization": "\\u0000"}', "[" * 100])
def test_a_body_that_cannot_be_read_is_refused(worker, body):
    answer = worker.post(URL, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json().startswith("JSON parse error - ")


@pytest.mark.parametrize(
    ("name", "shown"), [("uox", "uox"), ("acme", "acme"), ("", ""), (5, "5"), ("x" * 999, "x" * 999)]
)
def test_an_organisation_that_is_not_known_is_a_404(worker, acme, name, shown):
    answer = reset(worker, name)
    assert (answer.status_code, answer.json()) == (404, f"organization {shown} not found")


@pytest.mark.parametrize("name", [None, True, ["Acme"], {"short_name": "Acme"}])
def test_what_is_no_name_names_no_organisation(worker, acme, name):
    answer = reset(worker, name)
    assert answer.status_code == 404
    assert answer.json().endswith(" not found")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_refused(worker, method):
    answer = getattr(worker, method)(URL)
    assert (answer.status_code, answer.json()) == (405, f'Method "{method.upper()}" not allowed.')


def test_another_media_type_is_refused(worker):
    answer = worker.post(URL, "Acme", content_type="text/plain")
    assert (answer.status_code, answer.json()) == (415, 'Unsupported media type "text/plain" in request.')


# --- What it does ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_the_address_has_a_name_and_takes_a_slash(worker, acme, url):
    answer = reset(worker, url=url)
    assert (answer.status_code, answer.json()) == (200, "success")
    assert reverse("programs_api:v1:reset_enrollment_data") == URL


def test_an_organisation_without_providers_and_programs_is_done_at_once(worker, acme):
    other = OrganizationFactory(short_name="Other")
    provider(other, "other")
    kept = [person("other:1"), person("acme:1")]
    kept_enrollment = student(program_of(organizations=("Other",)))
    assert reset(worker).json() == "success"
    assert left(kept) == [True, True]
    assert ProgramEnrollment.objects.filter(pk=kept_enrollment.pk).exists()


def test_who_signs_in_through_a_provider_of_the_organisation_is_deleted_with_all_that_is_theirs(worker, acme):
    provider(acme, "acme-idp")
    provider(acme, "acme-new")
    gone = [person("acme-idp:1"), person("acme-new:2")]
    for account in gone:
        CourseEnrollmentFactory(user=account, course_id=CourseRunFactory().pk)
        LearnerFactory(user=account)
        student(program_of(organizations=("Other",)), CourseRunFactory(), account)
    assert reset(worker).status_code == 200
    assert left(gone) == [False, False]
    assert not UserSocialAuth.objects.exists()
    assert not CourseEnrollment.objects.exists()
    assert not EnterpriseCustomerUser.all_objects.exists()
    assert not ProgramEnrollment.objects.exists()


def test_others_stay(worker, acme):
    provider(acme, "acme-idp")
    provider(acme, "off", enabled=False)
    provider(acme, "moved")
    provider(OrganizationFactory(short_name="Other"), "moved")
    provider(acme, "switched-off")
    provider(acme, "switched-off", enabled=False)
    provider(OrganizationFactory(short_name="Other"), "other-idp")
    kept = [
        person("off:1"),
        person("moved:1"),
        person("switched-off:1"),
        person("other-idp:1"),
        person("acme-idp-2:1"),
        person("acme-idp"),
        person("ACME-IDP:1"),
        person("x:acme-idp:1"),
        person("acme-idp:1", kind="google-oauth2"),
        UserFactory(),
    ]
    assert reset(worker).status_code == 200
    assert left(kept) == [True] * len(kept)


def test_signs_in_a_slug_stand_for_themselves(worker, acme):
    provider(acme, "a_b")
    kept, gone = person("axb:1"), person("a_b:1")
    reset(worker)
    assert left([kept, gone]) == [True, False]


def test_enrollments_in_programs_that_the_organisation_authors_or_co_authors_are_deleted(worker, acme):
    run, account = CourseRunFactory(), UserFactory()
    ours = [
        program_of(run),
        program_of(run, organizations=("Other", "Acme"), status="retired"),
    ]
    theirs = [program_of(run, organizations=("Other",)), program_of(run, status="unpublished")]
    for program in (*ours, *theirs):
        student(program, run, UserFactory())
        waiting = student(program, run)
        CourseAccessRoleAssignment.objects.create(role="staff", enrollment=waiting.course_enrollments.get())
    alone = CourseEnrollmentFactory(user=account, course_id=run.pk)
    assert reset(worker).status_code == 200
    kept = {program.pk for program in theirs}
    assert set(ProgramEnrollment.objects.values_list("program_uuid", flat=True)) == kept
    assert ProgramCourseEnrollment.objects.count() == 4
    assert CourseAccessRoleAssignment.objects.count() == 2
    assert CourseEnrollment.objects.filter(mode="masters").count() == 2
    assert CourseEnrollment.objects.filter(pk=alone.pk).exists()
    assert Program.objects.count() == 4


def test_history_survives_and_tells_of_the_deletion(worker, boss, acme):
    run = CourseRunFactory()
    enrollment = student(program_of(run), run, UserFactory())
    in_run = ProgramCourseEnrollment.objects.select_related("course_enrollment").get()
    assert reset(worker).status_code == 200
    for row in (enrollment, in_run, in_run.course_enrollment):
        changes = type(row).history.filter(id=row.pk).order_by("history_id")
        assert [change.history_type for change in changes] == ["+", "-"]
        assert changes[1].history_user_id == boss.pk


def test_staff_who_sign_in_through_the_organisation_go_too_and_no_history_names_them(worker, boss, acme):
    provider(acme, "acme-idp")
    UserSocialAuth.objects.create(user=boss, provider="tpa-saml", uid="acme-idp:boss")
    enrollment = student(program_of())
    assert reset(worker).status_code == 200
    assert left([boss]) == [False]
    deletion = ProgramEnrollment.history.get(id=enrollment.pk, history_type="-")
    assert deletion.history_user_id is None


def test_a_second_reset_finds_nothing_to_do(worker, acme):
    student(program_of())
    assert [reset(worker).status_code for _ in range(2)] == [200, 200]


def test_the_statements_do_not_grow_with_the_number_of_students(worker, acme):
    provider(acme, "acme-idp")
    run = CourseRunFactory()
    program = program_of(run)

    def cost(students):
        for number in range(students):
            student(program, run, person(f"acme-idp:{number}"))
            student(program, run, UserFactory())
        with CaptureQueriesContext(connection) as statements:
            assert reset(worker).status_code == 200
        return len(statements)

    assert cost(1) == cost(12)
