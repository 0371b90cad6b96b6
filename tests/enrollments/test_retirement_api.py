"""Retirement over HTTP: many accounts at once, and cancelling (contract: support 4.3; clients 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from enrollments.models import RetirementState, User, UserRetirementStatus, UserSocialAuth
from enrollments.services import retirement
from tests.factories import (
    PASSWORD,
    EnterpriseCustomerFactory,
    IdentityProviderFactory,
    LearnerFactory,
    OAuthApplicationFactory,
    UserFactory,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

RETIRE, CANCEL = "/v1/accounts/bulk_retire_users", "/api/user/v1/accounts/cancel_retirement/"
ANONYMOUS = {"detail": "Authentication credentials were not provided."}
FORBIDDEN = {"detail": "You do not have permission to perform this action."}


@pytest.fixture
def boss() -> User:
    return UserFactory(username="boss", superuser=True, staff=True)


@pytest.fixture
def maria() -> User:
    return UserFactory(username="maria", email="Maria@learners.example")


def posted(client: Any, path: str, **form: str) -> Any:
    return client.post(path, urlencode(form), content_type="application/x-www-form-urlencoded")


# --- Asking for retirements ---


def test_the_names_that_somebody_has_retire_and_the_others_fail(
    as_user: Callable[..., Any], boss: User, maria: User
) -> None:
    UserFactory(username="jose")
    bystander = UserFactory(username="bystander", email="by@learners.example")
    answer = as_user(boss).post(RETIRE, {"usernames": "jose, nobody ,maria,MARIA"}, format="json")
    assert answer.status_code == 200
    assert answer.json() == {
        "successful_user_retirements": ["jose", "maria"],
        "failed_user_retirements": ["nobody", "MARIA"],
    }
    states = UserRetirementStatus.objects.values_list("original_username", "current_state__state_name")
    assert set(states) == {("jose", "PENDING"), ("maria", "PENDING")}
    maria.refresh_from_db()
    assert maria.email == retirement.retired_email("Maria@learners.example")
    assert not maria.has_usable_password()
    bystander.refresh_from_db()
    assert bystander.email == "by@learners.example"


def test_one_name_is_a_text_and_a_form_does_as_well(as_user: Callable[..., Any], boss: User, maria: User) -> None:
    answer = posted(as_user(boss), RETIRE, usernames="maria")
    assert answer.json() == {"successful_user_retirements": ["maria"], "failed_user_retirements": []}


def test_identities_with_their_history_and_tokens_of_all_of_them_go_and_so_do_links(
    as_user: Callable[..., Any], boss: User, maria: User
) -> None:
    application = OAuthApplicationFactory(client_id="portal")
    customer = EnterpriseCustomerFactory()
    IdentityProviderFactory(enterprise_customer=customer, provider_id="saml-acme")
    links = []
    for account in (maria, UserFactory(username="jose")):
        UserSocialAuth.objects.create(user=account, provider="tpa-saml", uid=f"acme:{account.pk}")
        AccessToken.objects.create(
            user=account,
            application=application,
            token=f"token-{account.pk}",
            expires=timezone.now() + timedelta(hours=1),
            scope="read",
        )
        links.append(LearnerFactory(enterprise_customer=customer, user=account))
    as_user(boss).post(RETIRE, {"usernames": "maria,jose"}, format="json")
    assert not UserSocialAuth.objects.exists()
    assert not UserSocialAuth.history.exists()
    assert not AccessToken.objects.exists()
    for link in links:
        link.refresh_from_db()
        assert not link.linked


def test_asking_again_is_a_success_that_changes_nothing(as_user: Callable[..., Any], boss: User, maria: User) -> None:
    for _ in range(2):
        answer = as_user(boss).post(RETIRE, {"usernames": "maria"}, format="json")
        assert answer.json()["successful_user_retirements"] == ["maria"]
    assert UserRetirementStatus.objects.get().original_email == "Maria@learners.example"


def test_many_names_cost_no_more_statements_than_one(
    as_user: Callable[..., Any], boss: User, maria: User, django_assert_num_queries: Any
) -> None:
    caller = as_user(boss)
    with django_assert_num_queries(18) as one:  # with the copies of addresses on learner links
        caller.post(RETIRE, {"usernames": "maria"}, format="json")
    many = [UserFactory(username=f"learner{number}") for number in range(30)]
    with django_assert_num_queries(len(one)):
        caller.post(RETIRE, {"usernames": ",".join(each.username for each in many)}, format="json")


@pytest.mark.parametrize(
    "body",
    [{}, [], None, "maria", {"usernames": None}, {"usernames": ""}, {"usernames": " , "}, {"usernames": ["maria"]},
     {"usernames": 5}, {"usernames": {"a": 1}}],
)  # fmt: skip
def test_a_body_without_names_is_refused_with_a_string(
    as_user: Callable[..., Any], boss: User, maria: User, body: Any
) -> None:
    answer = as_user(boss).post(RETIRE, body, format="json")
    assert answer.status_code == 400
    assert isinstance(answer.json(), str) or body in (None, "maria", [])
    assert not UserRetirementStatus.objects.exists()


@pytest.mark.parametrize("names", ["x" * 10_000, ",".join(["nobody"] * 5000), "new\nline", "\N{PILE OF POO}", "%"])
def test_odd_names_just_fail(as_user: Callable[..., Any], boss: User, names: str) -> None:
    answer = as_user(boss).post(RETIRE, {"usernames": names}, format="json")
    assert answer.status_code == 200
    assert answer.json()["successful_user_retirements"] == []


def test_a_nul_character_is_refused(as_user: Callable[..., Any], boss: User) -> None:
    assert as_user(boss).post(RETIRE, {"usernames": "mar\0ia"}, format="json").status_code == 400


@pytest.mark.parametrize(
    ("who", "allowed"), [("learner", False), ("staff", False), ("superuser", True), ("worker", True), ("holder", True)]
)
def test_only_who_may_retire_users_may(as_user: Callable[..., Any], maria: User, who: str, allowed: bool) -> None:
    name = django_settings.RETIREMENT_SERVICE_WORKER_USERNAME if who == "worker" else who
    account = UserFactory(username=name, staff=who == "staff", superuser=who == "superuser")
    if who == "holder":
        account.user_permissions.add(Permission.objects.get(codename="can_retire_users"))
    answer = as_user(account).post(RETIRE, {"usernames": "maria"}, format="json")
    assert answer.status_code == (200 if allowed else 403)
    assert allowed or answer.json() == FORBIDDEN
    assert UserRetirementStatus.objects.exists() is allowed


def test_a_session_alone_is_not_enough_to_retire(
    client: Any, by_session: Callable[..., Any], boss: User, maria: User
) -> None:
    for caller in (client, by_session(boss)):
        answer = caller.post(RETIRE, {"usernames": "maria"}, format="json")
        assert (answer.status_code, answer.json()) == (401, ANONYMOUS)
    assert client.get(RETIRE).status_code == 401


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_who_retire_the_same_account_at_once_both_succeed() -> None:
    maria = UserFactory(username="maria", email="maria@learners.example")
    outcomes: list[Any] = []
    assert at_once(*[lambda: outcomes.append(retirement.begin_named(["maria"]))] * 2) == []
    assert outcomes == [(["maria"], [])] * 2
    assert UserRetirementStatus.objects.get(user=maria).original_email == "maria@learners.example"


# --- Cancelling ---


@pytest.fixture
def begun(maria: User) -> UserRetirementStatus:
    return retirement.begin(maria)


def test_cancelling_gives_the_address_back_with_a_password_that_nobody_knows(
    as_user: Callable[..., Any], boss: User, maria: User, begun: UserRetirementStatus
) -> None:
    answer = posted(as_user(boss), CANCEL, retirement_id=str(begun.pk))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    account = User.objects.get(pk=maria.pk)
    assert account.email == "Maria@learners.example"
    assert account.has_usable_password()
    assert not account.check_password(PASSWORD)
    assert not UserRetirementStatus.objects.exists()
    assert as_user(boss).get("/api/user/v1/accounts?email=maria@learners.example").json()[0]["username"] == "maria"


def test_what_the_account_look_up_offers_can_be_cancelled(
    as_user: Callable[..., Any], boss: User, begun: UserRetirementStatus
) -> None:
    found = as_user(boss).get("/api/user/v1/accounts?email=maria@learners.example")
    assert found.status_code == 404
    assert found.json()["can_cancel_retirement"] is True
    answer = as_user(boss).post(CANCEL, {"retirement_id": found.json()["retirement_id"]}, format="json")
    assert answer.json() == {"success": True}


@pytest.mark.parametrize("body", [{}, {"retirement_id": ""}, {"retirement_id": None}])
def test_the_retirement_must_be_named(as_user: Callable[..., Any], boss: User, body: Any) -> None:
    answer = as_user(boss).post(CANCEL, body, format="json")
    assert (answer.status_code, answer.json()) == (400, {"message": "retirement_id must be specified."})


@pytest.mark.parametrize(
    "given",
    ["0", "99999", "-1", "abc", "1.5", "9" * 40, "9" * 10_000, "0" * 32 + "9" * 30, "²", True, [1], {"a": 1}, 1.5],
)
def test_an_unknown_retirement_does_not_exist(as_user: Callable[..., Any], boss: User, given: Any) -> None:
    answer = as_user(boss).post(CANCEL, {"retirement_id": given}, format="json")
    assert (answer.status_code, answer.json()) == (400, {"message": "Retirement does not exist!"})


def test_a_retirement_that_has_begun_cannot_be_cancelled(
    as_user: Callable[..., Any], boss: User, maria: User, begun: UserRetirementStatus
) -> None:
    begun.current_state = RetirementState.objects.get(state_name="LOCKING_ACCOUNT")
    begun.save()
    answer = posted(as_user(boss), CANCEL, retirement_id=str(begun.pk))
    assert answer.status_code == 400
    assert "LOCKING_ACCOUNT" in answer.json()["message"]
    assert User.objects.get(pk=maria.pk).email == begun.retired_email


def test_after_the_cool_off_period_it_is_too_late(
    as_user: Callable[..., Any], boss: User, begun: UserRetirementStatus, settings: Any
) -> None:
    settings.COOL_OFF_DAYS = 3
    UserRetirementStatus.objects.update(created=timezone.now() - timedelta(days=3, minutes=1))
    answer = posted(as_user(boss), CANCEL, retirement_id=str(begun.pk))
    assert answer.status_code == 400
    assert "3 days" in answer.json()["message"]
    assert UserRetirementStatus.objects.exists()


def test_an_address_that_somebody_else_took_is_not_given_back(
    as_user: Callable[..., Any], boss: User, begun: UserRetirementStatus
) -> None:
    UserFactory(username="successor", email="MARIA@learners.example")
    answer = posted(as_user(boss), CANCEL, retirement_id=str(begun.pk))
    assert answer.status_code == 400
    assert "another account" in answer.json()["message"]
    assert UserRetirementStatus.objects.exists()


def test_a_cancelled_retirement_is_gone(as_user: Callable[..., Any], boss: User, begun: UserRetirementStatus) -> None:
    assert posted(as_user(boss), CANCEL, retirement_id=str(begun.pk)).status_code == 200
    again = posted(as_user(boss), CANCEL, retirement_id=str(begun.pk))
    assert (again.status_code, again.json()) == (400, {"message": "Retirement does not exist!"})


@pytest.mark.parametrize(("who", "status"), [("learner", 403), ("staff", 200), ("superuser", 200)])
def test_staff_and_superusers_cancel(
    as_user: Callable[..., Any], begun: UserRetirementStatus, who: str, status: int
) -> None:
    account = UserFactory(staff=who == "staff", superuser=who == "superuser")
    assert posted(as_user(account), CANCEL, retirement_id=str(begun.pk)).status_code == status


def test_a_session_may_cancel_with_a_csrf_token_and_nobody_without_a_sign_in(
    client: Any, boss: User, begun: UserRetirementStatus
) -> None:
    anonymous = posted(client, CANCEL, retirement_id=str(begun.pk))
    assert (anonymous.status_code, anonymous.json()) == (401, ANONYMOUS)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(boss)
    assert browser.post(CANCEL, {"retirement_id": begun.pk}).status_code == 403
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    assert browser.post(CANCEL, {"retirement_id": begun.pk}, headers={"X-CSRFToken": token}).status_code == 200


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_of_two_who_cancel_at_once_one_succeeds() -> None:
    status = retirement.begin(UserFactory(email="maria@learners.example"))
    (refused,) = at_once(*[lambda: retirement.cancel(status.pk)] * 2)
    assert str(refused) == "Retirement does not exist!"
    assert User.objects.get(pk=status.user_id).email == "maria@learners.example"
