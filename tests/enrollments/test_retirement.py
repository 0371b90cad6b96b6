"""Retiring accounts (contract: support 4.3, Retiring; support, Data model; enrollment-api, Other entities)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from oauth2_provider.models import AccessToken, RefreshToken

from enrollments.models import (
    CourseAccessRole,
    CourseEnrollment,
    CourseEnrollmentAllowed,
    ManualEnrollmentAudit,
    User,
    UserOrgTag,
    UserRetirementStatus,
    UserSocialAuth,
    VerifiedName,
)
from enrollments.services import retirement
from enrollments.signals import account_retired, accounts_saved
from tests.factories import (
    PASSWORD,
    CourseAccessRoleFactory,
    CourseEnrollmentAllowedFactory,
    CourseEnrollmentFactory,
    CourseRunFactory,
    OAuthApplicationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner() -> User:
    user = UserFactory(username="maria", email="Maria@learners.example", first_name="María", staff=True)
    user.profile.name = "María López"
    user.profile.country = "PE"
    user.profile.bio = "Me"
    user.profile.save()
    return user


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    """The signals that were sent: accounts saved, accounts retired."""
    sent: list[Any] = []

    def saved(**kwargs: Any) -> None:
        sent.append("saved")

    def retired(user: User, retired: UserRetirementStatus, **kwargs: Any) -> None:
        sent.append((user.username, retired.original_username, retired.original_email, retired.retired_email))

    accounts_saved.connect(saved)
    account_retired.connect(retired)
    yield sent
    accounts_saved.disconnect(saved)
    account_retired.disconnect(retired)


def test_retired_names_come_from_the_last_salt(settings: Any) -> None:
    settings.RETIRED_USER_SALTS = ["first", "last"]
    digest = hashlib.sha1(b"lastmaria").hexdigest()
    assert retirement.retired_username("Maria") == f"retired__user_{digest}"
    assert retirement.retired_email("mAria") == f"retired__user_{digest}@retired.invalid"
    assert retirement.retired_email("") == ""


def test_asking_locks_the_account_out(
    learner: User, heard: list[Any], client: Any, by_session: Callable[..., Any]
) -> None:
    application = OAuthApplicationFactory(client_id="portal")
    form = {
        "grant_type": "password",
        "client_id": "portal",
        "client_secret": "secret",
        "username": "maria",
        "password": PASSWORD,
    }
    tokens = Client().post("/oauth2/access_token", form).json()
    UserSocialAuth.objects.create(user=learner, provider="tpa-saml", uid="acme:1")
    browser = by_session(learner)
    heard.clear()

    status = retirement.begin(learner)

    learner.refresh_from_db()
    assert status.current_state.state_name == "PENDING"
    assert (status.original_username, status.original_email, status.original_name) == (
        "maria", "Maria@learners.example", "María López"
    )  # fmt: skip
    assert learner.email == status.retired_email
    assert learner.username == "maria"
    assert not learner.has_usable_password()
    assert not UserSocialAuth.objects.exists()
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.exists()
    assert browser.post("/login_refresh").status_code == 401
    assert (
        client.get("/api/user/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}).status_code == 401
    )
    assert Client().post("/oauth2/access_token", form).json()["error"] == "invalid_grant"
    assert heard == []
    assert application.pk


def test_asking_again_changes_nothing(learner: User) -> None:
    first = retirement.begin(learner)
    second = retirement.begin(User.objects.get(pk=learner.pk))
    assert (first.pk, first.modified, second.original_email) == (second.pk, second.modified, "Maria@learners.example")


def test_accounts_without_address_can_retire_too() -> None:
    for name in ("robot1", "robot2"):
        retirement.retire(UserFactory(username=name, email=""))
    assert UserRetirementStatus.objects.filter(retired_email="").count() == 2


def test_nothing_of_the_person_stays(learner: User, heard: list[Any]) -> None:
    CourseRunFactory(id="course-v1:Acme+C1+T1")
    enrollment = CourseEnrollmentFactory(user=learner)
    boss = UserFactory()
    ManualEnrollmentAudit.objects.create(
        enrollment=enrollment,
        enrolled_by=boss,
        enrolled_email=learner.email,
        state_transition="from unenrolled to enrolled",
        reason="María asked on the phone",
    )
    ManualEnrollmentAudit.objects.create(
        enrolled_email="maria@learners.example", state_transition="from unenrolled to allowed to enroll", reason="María"
    )
    CourseEnrollmentAllowedFactory(email="maria@learners.example")
    CourseEnrollmentAllowedFactory(email="jose@learners.example")
    CourseAccessRoleFactory(user=learner)
    UserOrgTag.objects.create(user=learner, org="Acme", key="email-optin", value="True")
    VerifiedName.objects.create(user=learner, verified_name="María López Díaz")
    UserSocialAuth.objects.create(user=learner, provider="tpa-saml", uid="acme:maria")
    heard.clear()

    status = retirement.retire(learner)

    account = User.objects.get(pk=learner.pk)
    assert status.current_state.state_name == "COMPLETE"
    assert status.last_state.state_name == "PENDING"
    assert (account.username, account.email) == (status.retired_username, status.retired_email)
    assert (account.first_name, account.last_name) == ("", "")
    assert not any([account.is_active, account.is_staff, account.is_superuser, account.has_usable_password()])
    assert account.profile.name == ""
    assert account.profile.bio is None
    assert not account.profile.country
    assert not CourseEnrollment.objects.get(pk=enrollment.pk).is_active
    assert [allowed.email for allowed in CourseEnrollmentAllowed.objects.all()] == ["jose@learners.example"]
    assert ManualEnrollmentAudit.objects.count() == 2
    for table in (ManualEnrollmentAudit.objects, ManualEnrollmentAudit.history):
        assert set(table.values_list("reason", "enrolled_email")) == {("", status.retired_email)}
    assert not CourseAccessRole.objects.filter(user=learner).exists()
    assert not UserOrgTag.objects.exists()
    assert not VerifiedName.objects.exists()
    assert not UserSocialAuth.history.exists()
    assert heard == [(status.retired_username, "maria", "Maria@learners.example", status.retired_email)]


def test_retiring_a_retired_account_changes_nothing(learner: User, heard: list[Any]) -> None:
    first = retirement.retire(learner)
    heard.clear()
    second = retirement.retire(User.objects.get(pk=learner.pk))
    assert (first.pk, second.original_username) == (second.pk, "maria")
    assert heard == []


def test_an_error_of_a_higher_app_undoes_all(learner: User) -> None:
    def refuse(**kwargs: Any) -> None:
        raise RuntimeError("no")

    account_retired.connect(refuse)
    try:
        with pytest.raises(RuntimeError):
            retirement.retire(learner)
    finally:
        account_retired.disconnect(refuse)
    learner.refresh_from_db()
    assert (learner.username, learner.email) == ("maria", "Maria@learners.example")
    assert learner.has_usable_password()
    assert not UserRetirementStatus.objects.exists()


def test_the_command_retires_an_account_by_name(learner: User, capsys: Any) -> None:
    call_command("retire_user", "--username", "maria")
    assert "Retired maria as retired__user_" in capsys.readouterr().out
    assert not User.objects.filter(username="maria").exists()


def test_the_command_knows_names_exactly(learner: User) -> None:
    with pytest.raises(CommandError, match="No account has the user name MARIA"):
        call_command("retire_user", "--username", "MARIA")
