"""The sections of accounts and of what is known of people (contract: world-format)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import override_settings
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from enrollments.models import (
    IDVerificationAttempt,
    OAuthApplication,
    User,
    UserProfile,
    UserRetirementStatus,
    UserSocialAuth,
    VerifiedName,
)
from enrollments.services.retirement import retired_email, retired_username
from tests.factories import UserFactory

Load = Callable[..., dict[str, tuple[int, int, int]]]
Refused = Callable[..., str]
ROSA = {"username": "rosa", "email": "Rosa@people.example"}


def users(**fields: Any) -> dict[str, Any]:
    return {"users": [{**ROSA, **fields}]}


# --- users --------------------------------------------------------------------------------------------------------


def test_an_account_is_stored_as_given_and_active_unless_said_otherwise(load: Load) -> None:
    load(users(first_name="Rosa", last_name="Alder", is_staff=True, date_joined="2024-01-01T00:00:00Z"))
    rosa = User.objects.get(username="rosa")
    assert (rosa.email, rosa.first_name, rosa.last_name) == ("Rosa@people.example", "Rosa", "Alder")
    assert (rosa.is_active, rosa.is_staff, rosa.is_superuser, rosa.last_login) == (True, True, False, None)
    assert rosa.date_joined == datetime(2024, 1, 1, tzinfo=UTC)
    assert len(rosa.anonymous_id) == 32


def test_a_password_is_hashed_and_compared_through_its_hash(load: Load) -> None:
    load(users(password="Slow-Heron-1"))
    first = User.objects.get(username="rosa").password
    assert first != "Slow-Heron-1"
    assert load(users(password="Slow-Heron-1")) == {"users": (0, 0, 1)}
    assert User.objects.get(username="rosa").password == first
    assert load(users(password="Slow-Heron-2")) == {"users": (0, 1, 0)}
    assert User.objects.get(username="rosa").check_password("Slow-Heron-2")
    assert load(users()) == {"users": (0, 0, 1)}
    assert User.objects.get(username="rosa").check_password("Slow-Heron-2")


def test_two_accounts_with_one_password_have_hashes_of_their_own(load: Load) -> None:
    accounts = [{"username": f"u{number}", "password": "Slow-Heron-1"} for number in range(3)]
    load({"users": accounts})
    assert len(set(User.objects.filter(username__startswith="u").values_list("password", flat=True))) == 3


def test_without_a_password_it_is_unusable(load: Load) -> None:
    load(users())
    assert not User.objects.get(username="rosa").has_usable_password()
    load(users(password="Slow-Heron-1"))
    load(users(password=None))
    assert not User.objects.get(username="rosa").has_usable_password()
    assert load(users(password=None)) == {"users": (0, 0, 1)}


def test_service_accounts_need_no_address(load: Load) -> None:
    load({"users": [{"username": "robot"}, {"username": "worker", "email": ""}]})
    assert set(User.objects.filter(email="").values_list("username", flat=True)) >= {"robot", "worker"}


def test_a_profile_is_made_as_soon_as_a_field_of_it_is_given(load: Load) -> None:
    load({"users": [ROSA, {"username": "ivan", "name": "Ivan"}, {"username": "lena", "country": "DE"}]})
    assert not UserProfile.objects.filter(user__username="rosa").exists()
    assert UserProfile.objects.get(user__username="ivan").name == "Ivan"
    lena = UserProfile.objects.get(user__username="lena")
    assert (lena.name, lena.country.code, lena.language_preference) == ("", "DE", "")
    assert load(users(year_of_birth=1990)) == {"users": (0, 1, 0)}
    assert load(users(year_of_birth=1990)) == {"users": (0, 0, 1)}


def test_groups_are_made_when_missing_and_replaced_by_the_list(load: Load) -> None:
    load(users(groups=["gardeners", "enterprise_data_api_access"]))
    rosa = User.objects.get(username="rosa")
    assert set(rosa.groups.values_list("name", flat=True)) == {"gardeners", "enterprise_data_api_access"}
    assert load(users(groups=["gardeners"])) == {"users": (0, 1, 0)}
    assert set(rosa.groups.values_list("name", flat=True)) == {"gardeners"}
    assert load(users()) == {"users": (0, 0, 1)}
    assert rosa.groups.count() == 1
    assert load(users(groups=[])) == {"users": (0, 1, 0)}
    assert rosa.groups.count() == 0
    assert Group.objects.filter(name="gardeners").exists()


def test_permissions_are_named_by_app_and_codename(load: Load, refused: Refused) -> None:
    load(users(permissions=["enterprise.add_enterprisecustomeruser", "enrollments.can_retire_users"]))
    rosa = User.objects.get(username="rosa")
    assert rosa.has_perm("enterprise.add_enterprisecustomeruser")
    assert rosa.has_perm("enrollments.can_retire_users")
    assert load(users(permissions=["enrollments.can_retire_users"])) == {"users": (0, 1, 0)}
    assert not User.objects.get(pk=rosa.pk).has_perm("enterprise.add_enterprisecustomeruser")
    assert "users[0].permissions[0]: There is no permission 'enterprise.fly'" in refused(
        users(permissions=["enterprise.fly"])
    )
    assert "is not of the form" in refused(users(permissions=["fly"]))


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"email": "nobody"}, "users[0].email"),
        ({"email": None}, "users[0].email"),
        ({"is_active": "true"}, "users[0].is_active"),
        ({"country": "XX"}, "users[0].country"),
        ({"year_of_birth": -1}, "users[0].year_of_birth"),
        ({"username": "with blank"}, "users[0].username"),
        ({"username": "u" * 151}, "users[0].username"),
        ({"password": ""}, "users[0].password"),
        ({"password": 5}, "users[0].password"),
        ({"groups": "gardeners"}, "users[0].groups"),
        ({"date_joined": "2024-01-01T00:00:00"}, "users[0].date_joined"),
    ],
)
def test_values_that_an_account_cannot_have_are_refused(refused: Refused, fields: dict[str, Any], place: str) -> None:
    assert refused(users(**fields)).startswith(f"{place}: ")


# --- oauth_clients, oauth_tokens ----------------------------------------------------------------------------------


def oauth_client(**fields: Any) -> dict[str, Any]:
    return {"client_id": "c", "client_secret": "plain", "user": "rosa", "grant_type": "password", **fields}


def test_a_client_is_confidential_and_its_secret_is_stored_hashed(load: Load) -> None:
    world = {**users(), "oauth_clients": [oauth_client()]}
    load(world)
    application = OAuthApplication.objects.get(client_id="c")
    assert (application.client_type, application.authorization_grant_type) == ("confidential", "password")
    assert application.client_secret != "plain"
    assert load(world)["oauth_clients"] == (0, 0, 1)
    assert OAuthApplication.objects.get(client_id="c").client_secret == application.client_secret
    world["oauth_clients"] = [oauth_client(client_secret="other")]
    assert load(world)["oauth_clients"] == (0, 1, 0)
    assert OAuthApplication.objects.get(client_id="c").client_secret != application.client_secret


def test_scopes_redirects_and_organizations_of_a_client(load: Load) -> None:
    world = {
        **users(),
        "organizations": [{"short_name": "A", "name": "A"}, {"short_name": "B", "name": "B"}],
        "oauth_clients": [
            oauth_client(
                grant_type="authorization-code",
                redirect_uris="https://a.example/x https://a.example/y",
                scopes=["user_id", "course_modes:read"],
                is_restricted=True,
                organizations=["A", "B"],
                created="2024-01-01T00:00:00Z",
            )
        ],
    }
    load(world)
    application = OAuthApplication.objects.get(client_id="c")
    assert application.redirect_uris == "https://a.example/x https://a.example/y"
    assert application.allowed_scopes == "user_id course_modes:read"
    assert application.is_restricted
    assert application.created == datetime(2024, 1, 1, tzinfo=UTC)
    assert set(application.organizations.values_list("short_name", flat=True)) == {"A", "B"}
    world["oauth_clients"][0]["organizations"] = ["B"]
    assert load(world)["oauth_clients"] == (0, 1, 0)
    assert set(application.organizations.values_list("short_name", flat=True)) == {"B"}


def test_what_the_toolkit_refuses_is_refused(refused: Refused) -> None:
    message = refused({**users(), "oauth_clients": [oauth_client(grant_type="authorization-code")]})
    assert message.startswith("oauth_clients[0].redirect_uris: ")
    message = refused({**users(), "oauth_clients": [oauth_client(grant_type="implicit")]})
    assert message.startswith("oauth_clients[0].grant_type: 'implicit' is none of ")


def test_an_access_token_opens_the_service(load: Load, client: Any) -> None:
    token = {"token": "opaque-1", "user": "rosa", "client_id": "c", "kind": "access", "expires": "+1d", "scope": "read"}
    world = {**users(password="Slow-Heron-1"), "oauth_clients": [oauth_client()], "oauth_tokens": [token]}
    load(world)
    stored = AccessToken.objects.get(token="opaque-1")
    assert (stored.user.username, stored.application.client_id, stored.scope) == ("rosa", "c", "read")
    assert stored.expires > timezone.now() + timedelta(hours=23)
    answer = client.get("/api/user/v1/me", HTTP_AUTHORIZATION="Bearer opaque-1")
    assert answer.json() == {"username": "rosa"}
    token["expires"] = "2024-01-01T00:00:00Z"
    assert load(world)["oauth_tokens"] == (0, 1, 0)
    assert client.get("/api/user/v1/me", HTTP_AUTHORIZATION="Bearer opaque-1").status_code == 401


def test_a_refresh_token_can_be_exchanged_until_it_expires(load: Load, client: Any) -> None:
    token = {"token": "refresh-1", "user": "rosa", "client_id": "c", "kind": "refresh", "expires": "+1h"}
    token["scope"] = "read email"
    world = {**users(password="Slow-Heron-1"), "oauth_clients": [oauth_client()], "oauth_tokens": [token]}
    load(world)
    assert load(world)["oauth_tokens"] == (0, 0, 1)
    stored = RefreshToken.objects.get(token="refresh-1")
    assert stored.access_token.scope == "read email"
    body = {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": "c", "client_secret": "plain"}
    with override_settings(OAUTH_REFRESH_TOKEN_EXPIRE_SECONDS=1):
        assert client.post("/oauth2/access_token", body, format="multipart").status_code == 400
    answer = client.post("/oauth2/access_token", body, format="multipart")
    assert answer.status_code == 200
    assert set(answer.json()["scope"].split()) == {"read", "email"}


# --- identities, verified_names, retirements, verifications -------------------------------------------------------


def test_an_identity_with_its_older_states(load: Load) -> None:
    older = [
        {"history_date": "2024-02-01T00:00:00Z", "uid": "pine:1", "extra_data": {"mail": "b"}},
        {"history_date": "2024-01-01T00:00:00Z", "uid": "pine:0", "extra_data": {"mail": "a"}},
    ]
    identity = {"provider": "tpa-saml", "uid": "pine:1", "user": "rosa", "extra_data": {"mail": "c"}, "history": older}
    world = {**users(), "identities": [identity]}
    load(world)
    stored = UserSocialAuth.objects.get()
    assert (stored.user.username, stored.extra_data) == ("rosa", {"mail": "c"})
    states = [(row.history_type, row.uid, row.extra_data["mail"]) for row in stored.history.all()]
    assert states == [("~", "pine:1", "c"), ("~", "pine:1", "b"), ("+", "pine:0", "a")]
    assert load(world)["identities"] == (0, 0, 1)
    older[1]["uid"] = "pine:00"
    assert load(world)["identities"] == (0, 1, 0)
    assert [row.uid for row in stored.history.all()] == ["pine:1", "pine:1", "pine:00"]


def test_an_identity_without_older_states_was_born_as_it_is(load: Load) -> None:
    load({**users(), "identities": [{"provider": "google-oauth2", "uid": "rosa@g.example", "user": "rosa"}]})
    assert [row.history_type for row in UserSocialAuth.history.all()] == ["+"]


def test_a_verified_name_is_told_by_account_and_name(load: Load) -> None:
    names = [
        {"user": "rosa", "verified_name": "Rosa M.", "status": "approved", "created": "-30d"},
        {"user": "rosa", "verified_name": "R. Alder"},
    ]
    load({**users(), "verified_names": names})
    assert load({**users(), "verified_names": names})["verified_names"] == (0, 0, 2)
    assert set(VerifiedName.objects.values_list("verified_name", "status")) == {
        ("Rosa M.", "approved"),
        ("R. Alder", "pending"),
    }


def test_a_retirement_remembers_what_the_account_was_and_leaves_it_as_given(load: Load, refused: Refused) -> None:
    load({**users(name="Rosa Alder"), "retirements": [{"user": "rosa", "state": "PENDING", "created": "-3d"}]})
    status = UserRetirementStatus.objects.get()
    assert (status.original_username, status.original_email, status.original_name) == (
        "rosa",
        "Rosa@people.example",
        "Rosa Alder",
    )
    assert status.retired_username == retired_username("rosa")
    assert status.retired_email == retired_email("Rosa@people.example")
    assert status.current_state.state_name == "PENDING"
    assert status.created < timezone.now() - timedelta(days=2)
    assert User.objects.get(username="rosa").email == "Rosa@people.example"
    other = {"user": "rosa", "state": "COMPLETE", "original_email": "was@people.example", "original_username": "was"}
    assert load({"retirements": [other]}) == {"retirements": (0, 1, 0)}
    assert "retirements[0].state: There is no retirement state 'GONE'" in refused(
        {"retirements": [{"user": "rosa", "state": "GONE"}]}
    )


def test_a_verification_is_told_by_account_and_type(load: Load) -> None:
    attempts = [
        {"user": "rosa", "status": "approved", "created": "2024-01-01T00:00:00Z", "expiration": "+300d"},
        {"user": "rosa", "type": "manual", "status": "denied", "error": "blurred"},
    ]
    world = {**users(), "verifications": attempts}
    load(world)
    assert load(world)["verifications"] == (0, 0, 2)
    photo = IDVerificationAttempt.objects.get(kind="photo")
    assert photo.created_at == photo.status_changed == datetime(2024, 1, 1, tzinfo=UTC)
    assert photo.expiration_datetime is not None
    manual = IDVerificationAttempt.objects.get(kind="manual")
    assert manual.created_at == manual.status_changed
    assert manual.error == "blurred"
    attempts[0]["status"] = "denied"
    assert load(world)["verifications"] == (0, 1, 1)
    photo.refresh_from_db()
    assert photo.created_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert photo.status_changed > timezone.now() - timedelta(minutes=5)


def test_a_second_attempt_of_a_type_stays_as_it_is(load: Load) -> None:
    rosa = UserFactory(username="rosa")
    first, second = (IDVerificationAttempt.objects.create(user=rosa, status="submitted") for _ in range(2))
    load({"verifications": [{"user": "rosa", "status": "approved"}]})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("approved", "submitted")
