"""GET /api/user/v1/me and accounts (contract: enrollment-api; support 4.3, Rules of the accounts calls)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from enrollments.models import RetirementState, User, UserProfile, UserRetirementStatus, VerifiedName
from enrollments.services.tokens import access_token_for
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LIST = "/api/user/v1/accounts"
PICTURE = "http://testserver/static/images/account.svg"
PROFILE_IMAGE = {
    "has_image": False,
    "image_url_full": PICTURE,
    "image_url_large": PICTURE,
    "image_url_medium": PICTURE,
    "image_url_small": PICTURE,
}
FIELDS = {
    "username", "email", "id", "name", "verified_name", "date_joined", "last_login", "is_active", "country",
    "level_of_education", "year_of_birth", "gender", "bio", "goals", "language_proficiencies", "social_links",
    "profile_image", "account_privacy", "requires_parental_consent", "mailing_address", "phone_number",
    "extended_profile",
}  # fmt: skip


@pytest.fixture
def learner() -> User:
    user = UserFactory(
        username="maria",
        email="Maria@learners.example",
        date_joined=datetime(2031, 1, 5, 9, 30, 1, 250_000, UTC),
        last_login=datetime(2031, 2, 5, 9, 30, 1, 250_000, UTC),
    )
    UserProfile.objects.filter(user=user).update(name="María López", country="PE", year_of_birth=1990, gender="f")
    return user


@pytest.fixture
def staff() -> User:
    return UserFactory(username="boss", staff=True)


# --- me ---


def test_me_says_who_the_caller_is(learner: User, as_user: Callable[..., Any], by_session: Callable[..., Any]) -> None:
    for caller in (as_user(learner), by_session(learner)):
        assert caller.get("/api/user/v1/me").json() == {"username": "maria"}


@pytest.mark.parametrize("path", ["/api/user/v1/me", LIST, f"{LIST}/maria"])
def test_strangers_are_refused(client: Any, learner: User, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}
    assert response["WWW-Authenticate"] == 'JWT realm="api"'


def test_inactive_accounts_are_served(by_session: Callable[..., Any], as_user: Callable[..., Any]) -> None:
    idle = UserFactory(username="idle", is_active=False)
    for caller in (as_user(idle), by_session(idle)):
        assert caller.get("/api/user/v1/me").status_code == 200
        assert caller.get(f"{LIST}/idle").json()["is_active"] is False


@pytest.mark.parametrize("path", ["/api/user/v1/me/", f"{LIST}/maria/", f"{LIST}/"])
def test_there_is_no_trailing_slash(learner: User, as_user: Callable[..., Any], path: str) -> None:
    assert as_user(learner).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/api/user/v1/me", LIST, f"{LIST}/maria"])
def test_accounts_are_only_read(learner: User, as_user: Callable[..., Any], path: str) -> None:
    for method in ("post", "put", "patch", "delete"):
        assert getattr(as_user(learner), method)(path).status_code == 405


def test_a_restricted_application_is_refused(learner: User, as_user: Callable[..., Any]) -> None:
    assert as_user(learner, restricted=True).get("/api/user/v1/me").status_code == 403


# --- One account ---


def test_the_own_account_in_full(learner: User, as_user: Callable[..., Any]) -> None:
    VerifiedName.objects.create(
        user=learner, verified_name="Old Name", status="approved", created=timezone.now() - timedelta(1)
    )
    VerifiedName.objects.create(user=learner, verified_name="Maria Lopez Diaz", status="approved")
    VerifiedName.objects.create(user=learner, verified_name="Waiting", status="pending")
    body = as_user(learner).get(f"{LIST}/maria").json()
    assert body == {
        "username": "maria",
        "email": "Maria@learners.example",
        "id": learner.pk,
        "name": "María López",
        "verified_name": "Maria Lopez Diaz",
        "date_joined": "2031-01-05T09:30:01Z",
        "last_login": "2031-02-05T09:30:01.250000Z",
        "is_active": True,
        "country": "PE",
        "level_of_education": None,
        "year_of_birth": 1990,
        "gender": "f",
        "bio": None,
        "goals": None,
        "language_proficiencies": [],
        "social_links": [],
        "profile_image": PROFILE_IMAGE,
        "account_privacy": "private",
        "requires_parental_consent": False,
        "mailing_address": None,
        "phone_number": None,
        "extended_profile": [],
    }
    assert set(body) == FIELDS


def test_staff_and_superusers_see_accounts_in_full(learner: User, staff: User, as_user: Callable[..., Any]) -> None:
    for caller in (staff, UserFactory(superuser=True)):
        assert set(as_user(caller).get(f"{LIST}/maria").json()) == FIELDS


def test_others_see_the_public_part(learner: User, as_user: Callable[..., Any]) -> None:
    body = as_user(UserFactory()).get(f"{LIST}/maria").json()
    assert body == {"username": "maria", "profile_image": PROFILE_IMAGE}


def test_the_shared_view_limits_everybody(learner: User, staff: User, as_user: Callable[..., Any]) -> None:
    for caller in (learner, staff):
        assert set(as_user(caller).get(f"{LIST}/maria?view=shared").json()) == {"username", "profile_image"}


def test_an_account_without_profile_has_nulls(as_user: Callable[..., Any]) -> None:
    robot = UserFactory(username="robot", profile=None)
    body = as_user(robot).get(f"{LIST}/robot").json()
    assert set(body) == FIELDS
    assert [body[key] for key in ("name", "country", "year_of_birth", "last_login", "verified_name")] == [None] * 5


def test_a_child_needs_parental_consent(learner: User, as_user: Callable[..., Any]) -> None:
    UserProfile.objects.filter(user=learner).update(year_of_birth=datetime.now(UTC).year - 10)
    assert as_user(learner).get(f"{LIST}/maria").json()["requires_parental_consent"] is True


@pytest.mark.parametrize("name", ["nobody", "MARIA", "maria@learners.example", "x" * 300, "a b+c@d"])
def test_an_unknown_account_is_an_empty_404(learner: User, staff: User, as_user: Callable[..., Any], name: str) -> None:
    response = as_user(staff).get(f"{LIST}/{name}")
    assert response.status_code == 404
    assert response.content == b""


def test_one_account_costs_one_statement(
    learner: User, as_user: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    caller = as_user(learner)
    with django_assert_num_queries(2):  # who asks, and the account
        caller.get(f"{LIST}/maria")


# --- Lists ---


def test_a_list_by_user_names(learner: User, staff: User, as_user: Callable[..., Any]) -> None:
    UserFactory(username="jose")
    body = as_user(staff).get(LIST, {"username": "maria, jose,nobody"}).json()
    assert [each["username"] for each in body] == ["jose", "maria"]
    assert all(set(each) == FIELDS for each in body)


def test_a_list_shows_each_account_as_the_caller_may_see_it(learner: User, as_user: Callable[..., Any]) -> None:
    UserFactory(username="jose")
    other, own = as_user(learner).get(LIST, {"username": "maria,jose"}).json()
    assert set(other) == {"username", "profile_image"}
    assert set(own) == FIELDS


def test_a_list_costs_a_fixed_number_of_statements(
    staff: User, as_user: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    names = [UserFactory().username for _ in range(12)]
    caller = as_user(staff)
    for some in (names[:1], names):
        with django_assert_num_queries(2):
            assert len(caller.get(LIST, {"username": ",".join(some)}).json()) == len(some)


def test_unknown_names_are_a_404_that_names_them(learner: User, as_user: Callable[..., Any]) -> None:
    response = as_user(learner).get(LIST, {"username": "nobody,noone"})
    assert response.status_code == 404
    assert "nobody,noone" in response.json()["error_msg"]


@pytest.mark.parametrize("spelling", ["Maria@learners.example", "maria@LEARNERS.example", " Maria@learners.example "])
def test_staff_find_an_account_by_e_mail(
    learner: User, staff: User, as_user: Callable[..., Any], spelling: str
) -> None:
    for caller in (staff, UserFactory(superuser=True)):
        body = as_user(caller).get(LIST, {"email": spelling}).json()
        assert [each["id"] for each in body] == [learner.pk]


def test_staff_find_an_account_by_id(learner: User, staff: User, as_user: Callable[..., Any]) -> None:
    body = as_user(staff).get(LIST, {"lms_user_id": learner.pk}).json()
    assert [each["username"] for each in body] == ["maria"]


@pytest.mark.parametrize(
    "query", [{"email": "Maria@learners.example"}, {"email": "x"}, {"lms_user_id": "1"}, {"lms_user_id": "x"}]
)
def test_others_do_not(learner: User, as_user: Callable[..., Any], query: dict[str, str]) -> None:
    response = as_user(learner).get(LIST, query)
    assert response.status_code == 403
    assert response.json() == {"detail": "You do not have permission to perform this action."}


@pytest.mark.parametrize(
    "query",
    [{"email": "nobody@learners.example"}, {"email": "%"}, {"lms_user_id": "987654321"}, {"lms_user_id": "9" * 40}],
)
def test_unknown_ones_are_a_404_that_names_them(
    staff: User, as_user: Callable[..., Any], query: dict[str, str]
) -> None:
    response = as_user(staff).get(LIST, query)
    assert response.status_code == 404
    assert next(iter(query.values())) in response.json()["error_msg"]


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "１２", "0x1f", "1e3", "null"])
def test_an_id_is_a_number(staff: User, as_user: Callable[..., Any], text: str) -> None:
    response = as_user(staff).get(LIST, {"lms_user_id": text})
    assert response.status_code == 400
    assert text in response.json()["error_msg"]


@pytest.mark.parametrize("query", [{}, {"username": ""}, {"email": " "}, {"lms_user_id": ""}, {"unknown": "x"}])
def test_a_list_of_nobody_in_particular_is_refused(
    staff: User, as_user: Callable[..., Any], query: dict[str, str]
) -> None:
    response = as_user(staff).get(LIST, query)
    assert response.status_code == 400
    assert response.json()["error_msg"]


# --- Retired accounts ---


def retirement(user: User, **fields: Any) -> UserRetirementStatus:
    state = RetirementState.objects.get(state_name=fields.pop("state", "PENDING"))
    values = {
        "original_username": user.username,
        "original_email": user.email,
        "retired_username": "retired__user_x",
        "retired_email": "retired__user_x@retired.invalid",
        "current_state": state,
        **fields,
    }
    return UserRetirementStatus.objects.create(user=user, **values)


@pytest.mark.parametrize("changed", [True, False])
def test_a_retired_address_says_whether_it_can_be_given_back(
    learner: User, staff: User, as_user: Callable[..., Any], changed: bool
) -> None:
    status = retirement(learner)
    if changed:
        User.objects.filter(pk=learner.pk).update(email="retired__user_x@retired.invalid")
    response = as_user(staff).get(LIST, {"email": "maria@learners.example"})
    assert response.status_code == 404
    assert response.json() == {
        "error_msg": "This email is associated to a retired account.",
        "can_cancel_retirement": True,
        "retirement_id": status.pk,
    }


@pytest.mark.parametrize("fields", [{"state": "COMPLETE"}, {"created": timezone.now() - timedelta(days=15)}])
def test_a_retirement_that_has_gone_on_cannot_be_cancelled(
    learner: User, staff: User, as_user: Callable[..., Any], fields: dict[str, Any]
) -> None:
    retirement(learner, **fields)
    body = as_user(staff).get(LIST, {"email": "Maria@learners.example"}).json()
    assert (body["can_cancel_retirement"], body["retirement_id"]) == (False, None)


def test_the_cool_off_period_is_a_setting(
    learner: User, staff: User, as_user: Callable[..., Any], settings: Any
) -> None:
    settings.COOL_OFF_DAYS = 30
    retirement(learner, created=timezone.now() - timedelta(days=15))
    assert as_user(staff).get(LIST, {"email": "Maria@learners.example"}).json()["can_cancel_retirement"] is True


def test_an_address_that_somebody_else_has_now_is_theirs(
    learner: User, staff: User, as_user: Callable[..., Any]
) -> None:
    retirement(learner)
    User.objects.filter(pk=learner.pk).update(email="retired__user_x@retired.invalid")
    again = UserFactory(email="maria@learners.example")
    assert [each["id"] for each in as_user(staff).get(LIST, {"email": "Maria@learners.example"}).json()] == [again.pk]


def test_a_bearer_token_is_enough(learner: User, client: Any) -> None:
    token = access_token_for(learner, scopes=["read"], grant_type="password")
    assert client.get(f"{LIST}/maria", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_browser_app_is_told_in_json_that_there_is_no_such_account(as_user: Callable[..., Any], staff: User) -> None:
    """Its pages read the body of an error as JSON."""
    answer = as_user(staff).get(f"{LIST}/nobody", headers={"USE-JWT-COOKIE": "true"})
    assert (answer.status_code, answer.json()) == (404, {"error_msg": "No account has the user name nobody."})
