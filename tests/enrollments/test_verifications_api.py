"""Verifications and verified names of accounts (contract: support 4.3; clients 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken

from enrollments.models import IDVerificationAttempt, User
from enrollments.services.retirement import retire
from tests.factories import OAuthApplicationFactory, UserFactory, VerificationFactory, VerifiedNameFactory
from tests.support.agents import ANONYMOUS, agent

pytestmark = pytest.mark.django_db

STATUS = "/api/user/v1/accounts/{}/verification_status/"
LIST = "/api/user/v1/accounts/{}/verifications/"
NAMES = "/api/edx_name_affirmation/v1/verified_name/history"
FORBIDDEN = {"detail": "You do not have permission to perform this action."}


@pytest.fixture
def learner() -> User:
    return UserFactory(username="maria")


@pytest.fixture
def staff(as_user: Callable[..., Any]) -> Any:
    return as_user(UserFactory(username="boss", staff=True))


# --- who may ask --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [STATUS.format("maria"), LIST.format("maria"), NAMES, f"{NAMES}?username=maria"])
def test_strangers_are_refused(client: Any, learner: User, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()) == (401, ANONYMOUS)


@pytest.mark.parametrize("path", [STATUS, LIST])
def test_staff_superusers_and_the_learner_may_ask(
    learner: User, as_user: Callable[..., Any], by_session: Callable[..., Any], path: str
) -> None:
    VerificationFactory(user=learner)
    for caller in (UserFactory(staff=True), UserFactory(superuser=True), learner):
        for client in (as_user(caller), by_session(caller)):
            assert client.get(path.format("maria")).status_code == 200


@pytest.mark.parametrize("path", [STATUS.format("maria"), LIST.format("maria"), NAMES])
def test_opaque_bearer_tokens_and_sessions_of_inactive_accounts_do_not_count_and_jwts_do(
    learner: User, client: Any, as_user: Callable[..., Any], by_session: Callable[..., Any], path: str
) -> None:
    VerificationFactory(user=learner)
    tomorrow = timezone.now() + timedelta(days=1)
    application = OAuthApplicationFactory()
    AccessToken.objects.create(user=learner, application=application, token="opaque-token", expires=tomorrow)
    assert client.get(path, headers={"Authorization": "Bearer opaque-token"}).status_code == 401
    User.objects.filter(pk=learner.pk).update(is_active=False)
    learner.refresh_from_db()
    assert by_session(learner).get(path).status_code == 401
    assert as_user(learner).get(path).status_code == 200


@pytest.mark.parametrize("path", [STATUS, LIST])
@pytest.mark.parametrize("asked", ["maria", "nobody"])
def test_others_may_not_and_do_not_learn_who_is_there(
    learner: User, as_user: Callable[..., Any], path: str, asked: str
) -> None:
    VerificationFactory(user=learner)
    for caller in (UserFactory(), agent()):
        response = as_user(caller).get(path.format(asked))
        assert (response.status_code, response.json()) == (403, FORBIDDEN)


@pytest.mark.parametrize("path", [STATUS.format("maria"), LIST.format("maria"), NAMES])
def test_nothing_can_be_written(staff: Any, learner: User, path: str) -> None:
    for method in ("post", "put", "patch", "delete"):
        assert getattr(staff, method)(path, {}).status_code == 405


@pytest.mark.parametrize("path", [STATUS.format("maria")[:-1], LIST.format("maria")[:-1]])
def test_the_slash_is_added(staff: Any, learner: User, path: str) -> None:
    assert staff.get(path).status_code == 301


# --- verification_status ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "days", "verified"),
    [("approved", 5, True), ("approved", -5, False), ("submitted", 5, False), ("denied", 5, False)],
)
def test_the_status_of_an_account(staff: Any, learner: User, status: str, days: int, verified: bool) -> None:
    end = timezone.now().replace(microsecond=5) + timedelta(days=days)
    VerificationFactory(user=learner, status=status, expiration_datetime=end)
    VerificationFactory(kind="generic")
    expected = {"is_verified": verified, "status": status, "expiration_datetime": f"{end:%Y-%m-%dT%H:%M:%S.000005Z}"}
    assert staff.get(STATUS.format("maria")).json() == expected


def test_the_status_is_of_the_attempt_that_counts(staff: Any, learner: User) -> None:
    VerificationFactory(user=learner, status="denied")
    VerificationFactory(user=learner, kind="manual")
    expected = {"is_verified": True, "status": "approved", "expiration_datetime": None}
    assert staff.get(STATUS.format("maria")).json() == expected


@pytest.mark.parametrize("path", [STATUS, LIST])
@pytest.mark.parametrize("asked", ["maria", "nobody"])
def test_no_verification_is_a_404_with_a_text(staff: Any, learner: User, path: str, asked: str) -> None:
    response = staff.get(path.format(asked))
    assert (response.status_code, response.json()) == (404, f"{asked} has no ID verification.")


# --- verifications ------------------------------------------------------------------------------------------------


def test_all_attempts_with_the_newest_change_first(staff: Any, learner: User) -> None:
    days = [datetime(2031, 1, day, 8, 0, 0, 120, UTC) for day in (4, 3, 2, 1)]
    end = datetime(2032, 1, 1, tzinfo=UTC)
    VerificationFactory(
        user=learner, status="denied", error="blurred", receipt_id="R-1", status_changed=days[2], created_at=days[0]
    )
    VerificationFactory(user=learner, kind="manual", status_changed=days[0], expiration_datetime=end)
    VerificationFactory(user=learner, kind="sso", status_changed=days[1])
    VerificationFactory(user=learner, kind="generic", status="created", status_changed=days[3])
    VerificationFactory()
    common = {"status": "approved", "expiration_datetime": None, "message": "", "receipt_id": None}
    assert staff.get(LIST.format("maria")).json() == [
        {**common, "type": "Manual", "expiration_datetime": "2032-01-01T00:00:00Z",
         "updated_at": "2031-01-04T08:00:00.000120Z"},
        {**common, "type": "SSO", "updated_at": "2031-01-03T08:00:00.000120Z"},
        {**common, "type": "Software Secure", "status": "denied", "message": "blurred", "receipt_id": "R-1",
         "updated_at": "2031-01-02T08:00:00.000120Z"},
        {**common, "type": "Generic", "status": "created", "updated_at": "2031-01-01T08:00:00.000120Z"},
    ]  # fmt: skip


def test_what_attempts_said_of_a_person_is_forgotten_with_them(staff: Any, learner: User) -> None:
    VerificationFactory(user=learner, name="Maria L.", status="denied", error="Maria blinked", receipt_id="R-1")
    VerifiedNameFactory(user=learner)
    username = retire(learner).retired_username
    (row,) = staff.get(LIST.format(username)).json()
    assert (row["status"], row["message"], row["receipt_id"]) == ("denied", "", None)
    assert IDVerificationAttempt.objects.get().name == ""
    assert staff.get(f"{NAMES}?username={username}").json() == {"results": []}


# --- verified names -----------------------------------------------------------------------------------------------


def test_the_names_of_an_account_newest_first_with_their_attempts(staff: Any, learner: User) -> None:
    photo = VerificationFactory(user=learner, status="denied")
    generic = VerificationFactory(user=learner, kind="generic")
    foreign = VerificationFactory()
    older, newer = datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 2, 1, tzinfo=UTC)
    VerifiedNameFactory(
        user=learner, verified_name="Newer", profile_name="Maria", created=newer,
        verification_attempt_id=photo.pk, platform_verification_attempt_id=generic.pk, proctored_exam_attempt_id=9,
    )  # fmt: skip
    VerifiedNameFactory(
        user=learner, verified_name="Older", status="pending", created=older, verification_attempt_id=foreign.pk
    )
    VerifiedNameFactory(verified_name="Somebody else")
    assert staff.get(f"{NAMES}?username=maria").json() == {
        "results": [
            {
                "verified_name": "Newer",
                "profile_name": "Maria",
                "status": "approved",
                "created": "2031-02-01T00:00:00Z",
                "verification_attempt_id": photo.pk,
                "verification_attempt_status": "denied",
                "proctored_exam_attempt_id": 9,
                "platform_verification_attempt_id": generic.pk,
                "platform_verification_attempt_status": "approved",
            },
            {
                "verified_name": "Older",
                "profile_name": None,
                "status": "pending",
                "created": "2031-01-01T00:00:00Z",
                "verification_attempt_id": foreign.pk,
                "verification_attempt_status": None,
                "proctored_exam_attempt_id": None,
                "platform_verification_attempt_id": None,
                "platform_verification_attempt_status": None,
            },
        ]
    }


def test_an_account_without_verified_names_has_an_empty_history(staff: Any, learner: User) -> None:
    assert staff.get(f"{NAMES}?username=maria").json() == {"results": []}


def test_without_a_user_name_callers_see_their_own_names(learner: User, as_user: Callable[..., Any]) -> None:
    VerifiedNameFactory(user=learner, verified_name="Maria L.")
    VerifiedNameFactory()
    for query in ("", "?username="):
        (row,) = as_user(learner).get(NAMES + query).json()["results"]
        assert row["verified_name"] == "Maria L."


@pytest.mark.parametrize("asked", ["maria", "nobody"])
def test_asking_by_user_name_is_for_staff(learner: User, as_user: Callable[..., Any], asked: str) -> None:
    for caller in (learner, UserFactory(), agent()):
        response = as_user(caller).get(f"{NAMES}?username={asked}")
        assert (response.status_code, response.json()) == (403, FORBIDDEN)


def test_the_names_of_nobody_are_a_404_with_a_text(staff: Any) -> None:
    response = staff.get(f"{NAMES}?username=nobody")
    assert (response.status_code, response.json()) == (404, "No account has the user name nobody.")


@pytest.mark.parametrize("asked", ["x" * 10_000, "%F0%9F%90%8C", "a&username=b", "[]"])
def test_odd_user_names_are_refused_politely(staff: Any, asked: str) -> None:
    response = staff.get(f"{NAMES}?username={asked}")
    assert response.status_code == 404
    assert isinstance(response.json(), str)
    assert staff.get(f"{NAMES}?username=%00").status_code == 400


def test_many_names_cost_one_statement(staff: Any, learner: User, django_assert_num_queries: Any) -> None:
    for _ in range(3):
        VerifiedNameFactory(user=learner, verification_attempt_id=VerificationFactory(user=learner).pk)
    with django_assert_num_queries(3):  # the caller, the account, the names
        assert len(staff.get(f"{NAMES}?username=maria").json()["results"]) == 3
