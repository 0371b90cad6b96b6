"""What a token says and does: claims, published keys, revocation, user info (contract: enrollment-api)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest

from config.api.jwt import decode, issue
from enrollments.models import OAuthApplication
from enrollments.services.tokens import access_token_for
from tests.enrollments.tokens.calls import ROBOT, person
from tests.factories import OAuthApplicationFactory, OrganizationFactory, RoleAssignmentFactory, UserFactory

pytestmark = pytest.mark.django_db


# --- What a JWT says ---


def test_every_claim_of_a_persons_token(ask: Callable[..., Any], portal: OAuthApplication, settings: Any) -> None:
    learner = UserFactory(first_name="Ana", last_name="Ochoa", staff=True)
    token = ask(**person(learner, token_type="jwt")).json()["access_token"]
    claims = decode(token)
    now = time.time()
    assert abs(claims.pop("iat") - now) < 5
    assert abs(claims.pop("exp") - now - 3600) < 5
    assert claims == {
        "iss": settings.JWT_ISSUER,
        "aud": settings.JWT_AUDIENCE,
        "version": "1.2.0",
        "sub": learner.anonymous_id,
        "preferred_username": learner.username,
        "scopes": ["read", "write", "email", "profile"],
        "grant_type": "password",
        "filters": ["user:me"],
        "is_restricted": False,
        "email_verified": True,
        "email": learner.email,
        "name": learner.profile.name,
        "family_name": "Ochoa",
        "given_name": "Ana",
        "administrator": True,
        "superuser": False,
    }


def test_claims_follow_the_scopes(ask: Callable[..., Any]) -> None:
    OAuthApplicationFactory(client_id="portal", allowed_scopes="user_id")
    learner = UserFactory()

    def claims(scope: str) -> dict[str, Any]:
        return decode(ask(**person(learner, token_type="jwt", scope=scope)).json()["access_token"])

    about = {"email", "name", "family_name", "given_name", "administrator", "superuser", "user_id"}
    assert about & set(claims("read")) == set()
    assert about & set(claims("email")) == {"email"}
    assert about & set(claims("profile")) == about - {"email", "user_id"}
    assert claims("user_id")["user_id"] == learner.pk


def test_the_name_is_null_without_a_profile() -> None:
    claims = decode(access_token_for(UserFactory(profile=None), scopes=["profile"], grant_type=""))
    assert claims["name"] is None
    assert claims["grant_type"] == ""


def test_a_programs_token_has_no_user_filter_and_its_applications_organisations(
    ask: Callable[..., Any], robot: OAuthApplication
) -> None:
    robot.organizations.set([OrganizationFactory(short_name="UniB"), OrganizationFactory(short_name="UniA")])
    robot.is_restricted = True
    robot.save()
    claims = decode(ask(**ROBOT, token_type="jwt").json()["access_token"])
    assert claims["filters"] == ["content_org:UniA", "content_org:UniB"]
    assert claims["grant_type"] == "client-credentials"
    assert claims["is_restricted"] is True
    assert "user_id" not in claims


def test_a_setting_adds_the_user_id_to_programs_tokens(
    ask: Callable[..., Any], robot: OAuthApplication, settings: Any
) -> None:
    settings.JWT_CLIENT_CREDENTIALS_USER_ID = True
    assert decode(ask(**ROBOT, token_type="jwt").json()["access_token"])["user_id"] == robot.user.pk


def test_roles_are_there_only_when_the_account_has_some(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    plain, operator = UserFactory(), UserFactory()
    RoleAssignmentFactory(user=operator, role="enterprise_openedx_operator")
    assert "roles" not in decode(ask(**person(plain, token_type="jwt")).json()["access_token"])
    assert decode(ask(**person(operator, token_type="jwt")).json()["access_token"])["roles"] == [
        "enterprise_openedx_operator:*"
    ]


def test_a_lifetime_may_be_given() -> None:
    claims = decode(access_token_for(UserFactory(), scopes=[], grant_type="", lifetime=10))
    assert claims["exp"] - claims["iat"] == 10


def test_the_lifetime_follows_the_setting(ask: Callable[..., Any], robot: OAuthApplication, settings: Any) -> None:
    settings.JWT_ACCESS_TOKEN_EXPIRATION = 77
    body = ask(**ROBOT, token_type="jwt").json()
    claims = decode(body["access_token"])
    assert body["expires_in"] == claims["exp"] - claims["iat"] == 77


def test_a_token_costs_a_fixed_number_of_statements(
    ask: Callable[..., Any], robot: OAuthApplication, django_assert_max_num_queries: Any
) -> None:
    ask(**ROBOT, token_type="jwt")
    with django_assert_max_num_queries(5):  # application, owner, organisations, profile, roles
        assert ask(**ROBOT, token_type="jwt").status_code == 200


# --- The published keys ---


def test_tokens_verify_against_the_published_keys(
    client: Any, ask: Callable[..., Any], robot: OAuthApplication, settings: Any
) -> None:
    token = ask(**ROBOT, token_type="jwt").json()["access_token"]
    published = client.get("/.well-known/jwks.json")
    assert published.status_code == 200
    keys = pyjwt.PyJWKSet.from_dict(published.json())
    header = pyjwt.get_unverified_header(token)
    claims = pyjwt.decode(
        token, keys[header["kid"]], algorithms=["RS512"], audience=settings.JWT_AUDIENCE, issuer=settings.JWT_ISSUER
    )
    assert claims["preferred_username"] == "owner"


def test_no_private_part_is_published(client: Any) -> None:
    for key in client.get("/.well-known/jwks.json").json()["keys"]:
        assert set(key) == {"kty", "n", "e", "use", "alg", "kid"}


def test_a_token_without_signature_is_refused(client: Any) -> None:
    claims = decode(access_token_for(UserFactory(), scopes=[], grant_type=""))
    forged = pyjwt.encode(claims, key="", algorithm="none")
    assert client.get("/api/user/v1/me", headers={"Authorization": f"JWT {forged}"}).status_code == 401


def test_the_public_key_is_no_shared_secret(client: Any) -> None:
    """The classic confusion: HS256 with the published key as the secret."""
    import hashlib
    import hmac

    claims = decode(access_token_for(UserFactory(), scopes=[], grant_type=""))
    published = client.get("/.well-known/jwks.json").json()["keys"][0]
    key = pyjwt.PyJWK(published).key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(value: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    for secret in (pem, pem.strip(), json.dumps(published).encode()):
        signed = part({"alg": "HS256", "typ": "JWT", "kid": published["kid"]}) + b"." + part(claims)
        signature = base64.urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")
        token = (signed + b"." + signature).decode()
        assert client.get("/api/user/v1/me", headers={"Authorization": f"JWT {token}"}).status_code == 401


# --- Revoking ---


@pytest.mark.parametrize("path", ["/oauth2/revoke_token", "/oauth2/revoke_token/"])
def test_a_client_revokes_its_token(client: Any, ask: Callable[..., Any], robot: OAuthApplication, path: str) -> None:
    token = ask(**ROBOT).json()["access_token"]
    own = {"client_id": "robot", "client_secret": "secret", "token": token}
    assert ask(path, **own).status_code == 200
    assert client.get("/api/user/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert ask(path, **own).status_code == 200


def test_a_client_cannot_revoke_anothers_token(
    client: Any, ask: Callable[..., Any], robot: OAuthApplication, portal: OAuthApplication
) -> None:
    token = ask(**ROBOT).json()["access_token"]
    assert ask("/oauth2/revoke_token", client_id="portal", client_secret="secret", token=token).status_code == 200
    assert ask("/oauth2/revoke_token", client_id="portal", client_secret="wrong", token=token).status_code == 401
    assert ask("/oauth2/revoke_token", client_id="portal", client_secret="secret").status_code == 400
    assert client.get("/api/user/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_revoking_a_refresh_token_ends_it(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    token = ask(**person(UserFactory())).json()["refresh_token"]
    own = {"client_id": "portal", "client_secret": "secret"}
    assert ask("/oauth2/revoke_token", **own, token=token, token_type_hint="refresh_token").status_code == 200
    assert ask(grant_type="refresh_token", **own, refresh_token=token).status_code == 400


# --- User info ---


def test_user_info_tells_what_the_scopes_of_an_opaque_token_allow(
    client: Any, ask: Callable[..., Any], portal: OAuthApplication
) -> None:
    learner = UserFactory(first_name="Ana", last_name="Ochoa")
    whole = ask(**person(learner)).json()["access_token"]
    assert client.get("/oauth2/user_info", headers={"Authorization": f"Bearer {whole}"}).json() == {
        "sub": learner.anonymous_id,
        "preferred_username": learner.username,
        "email": learner.email,
        "email_verified": True,
        "given_name": "Ana",
        "family_name": "Ochoa",
        "name": learner.profile.name,
        "administrator": False,
        "superuser": False,
    }
    little = ask(**person(learner, scope="read")).json()["access_token"]
    assert client.get("/oauth2/user_info", headers={"Authorization": f"Bearer {little}"}).json() == {
        "sub": learner.anonymous_id,
        "preferred_username": learner.username,
    }


@pytest.mark.parametrize("scopes", [5, True, "email", {"email": 1}, [["email"]], None])
def test_user_info_tells_the_least_to_a_jwt_whose_scopes_are_no_list_of_names(client: Any, scopes: object) -> None:
    learner = UserFactory()
    token = issue({"preferred_username": learner.username, "scopes": scopes}, 60)
    response = client.get("/oauth2/user_info", headers={"Authorization": f"JWT {token}"})
    assert response.status_code == 200
    assert response.json() == {"sub": learner.anonymous_id, "preferred_username": learner.username}


def test_user_info_takes_a_jwt_too_and_nobody_without_a_token(client: Any) -> None:
    learner = UserFactory()
    token = access_token_for(learner, scopes=["email"], grant_type="password")
    for scheme in ("Bearer", "JWT"):
        body = client.get("/oauth2/user_info", headers={"Authorization": f"{scheme} {token}"}).json()
        assert body["email"] == learner.email
        assert "name" not in body
    anonymous = client.get("/oauth2/user_info")
    assert anonymous.status_code == 401
    assert anonymous["WWW-Authenticate"] == 'JWT realm="api"'
