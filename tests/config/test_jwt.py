"""Tokens: signing, verification, keys (contract: enrollment-api, JWT claims)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.exceptions import ImproperlyConfigured
from jwt.algorithms import RSAAlgorithm

from config.api import jwt

SECRET = "a-shared-secret-that-is-long-enough-" * 3


@pytest.fixture(scope="module")
def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"preferred_username": "ana", "iss": "http://127.0.0.1:8000/oauth2", "iat": now, "exp": now + 60, **more}


@pytest.fixture(autouse=True)
def issuer(settings: Any) -> None:
    settings.JWT_ISSUER = "http://127.0.0.1:8000/oauth2"
    settings.JWT_ISSUERS = [settings.JWT_ISSUER]


def test_a_token_says_what_was_put_in_and_the_standard_claims() -> None:
    before = int(time.time())
    said = jwt.decode(jwt.issue({"preferred_username": "ana", "roles": ["enterprise_admin:1"]}, 600))
    assert said["preferred_username"] == "ana"
    assert said["roles"] == ["enterprise_admin:1"]
    assert (said["iss"], said["aud"], said["version"]) == ("http://127.0.0.1:8000/oauth2", "matricula", "1.2.0")
    assert before <= said["iat"] <= time.time()
    assert said["exp"] - said["iat"] == 600


def test_tokens_are_rs512_and_name_a_published_key() -> None:
    header = pyjwt.get_unverified_header(jwt.issue({}, 60))
    assert header["alg"] == "RS512"
    assert header["kid"] in [key["kid"] for key in jwt.jwks()["keys"]]


def test_the_published_keys_verify_a_token_and_hold_no_private_part() -> None:
    token = jwt.issue({"preferred_username": "ana"}, 60)
    (published,) = jwt.jwks()["keys"]
    assert set(published) == {"kty", "n", "e", "use", "alg", "kid"}
    key: Any = RSAAlgorithm.from_jwk(published)
    assert pyjwt.decode(token, key, algorithms=["RS512"], audience="matricula")["preferred_username"] == "ana"


def test_an_expired_token_says_so() -> None:
    with pytest.raises(jwt.ExpiredToken) as refusal:
        jwt.decode(jwt.issue({"exp": int(time.time()) - 2}, 0))
    assert refusal.value.detail == "Token has expired."


def test_a_second_of_leeway_is_granted() -> None:
    second = int(time.time()) + 1
    time.sleep(second - time.time())  # the token's end, to the second; a whole one of leeway lies ahead
    assert jwt.decode(jwt.issue({"exp": second, "iat": second - 10}, 0))


@pytest.mark.parametrize("missing", ["exp", "iat"])
def test_expiry_and_time_of_issue_are_required(missing: str) -> None:
    with pytest.raises(jwt.InvalidToken, match=missing):
        jwt.decode(jwt.issue({missing: None}, 60))


@pytest.mark.parametrize("issuer", ["https://elsewhere.example/oauth2", None, 7, ["http://127.0.0.1:8000/oauth2"]])
def test_a_token_of_another_issuer_is_refused(settings: Any, other_key: rsa.RSAPrivateKey, issuer: Any) -> None:
    settings.JWT_PRIVATE_KEY = pem_of(other_key)
    payload = json.dumps({**claims(), "iss": issuer}).encode()
    token = pyjwt.PyJWS().encode(payload, other_key, algorithm="RS512")
    assert not jwt.is_jwt(token)
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(token)


def test_every_issuer_of_the_setting_is_accepted(settings: Any) -> None:
    settings.JWT_ISSUERS = ["https://one.example", "https://two.example"]
    assert jwt.decode(jwt.issue({"iss": "https://two.example"}, 60))["iss"] == "https://two.example"


def test_the_audience_counts_only_when_the_setting_says_so(settings: Any) -> None:
    token = jwt.issue({"aud": "somebody-else"}, 60)
    assert jwt.decode(token)["aud"] == "somebody-else"
    settings.JWT_VERIFY_AUDIENCE = True
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(token)
    assert jwt.decode(jwt.issue({}, 60))["aud"] == "matricula"


@pytest.mark.parametrize("version", ["2.0.0", "10.1", "x", "", "-1.0", 2, "9" * 5000])
def test_a_higher_major_version_is_refused(version: Any) -> None:
    with pytest.raises(jwt.InvalidToken, match="version"):
        jwt.decode(jwt.issue({"version": version}, 60))


@pytest.mark.parametrize("version", ["1.0.0", "1.9.9", "0.1"])
def test_lower_and_minor_versions_are_accepted(version: str) -> None:
    assert jwt.decode(jwt.issue({"version": version}, 60))["version"] == version


def test_a_token_signed_by_another_key_is_refused(other_key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(pyjwt.encode(claims(), other_key, algorithm="RS512"))


def test_public_keys_of_the_settings_verify_and_are_published(settings: Any, other_key: rsa.RSAPrivateKey) -> None:
    public = RSAAlgorithm.to_jwk(other_key.public_key(), as_dict=True)
    settings.JWT_PUBLIC_KEYS = {"keys": [{**public, "kid": "older"}]}
    assert [key["kid"] for key in jwt.jwks()["keys"]][1:] == ["older"]
    assert jwt.decode(pyjwt.encode(claims(), other_key, algorithm="RS512", headers={"kid": "older"}))
    assert jwt.decode(pyjwt.encode(claims(), other_key, algorithm="RS512"))
    assert jwt.decode(jwt.issue({}, 60))


def test_a_private_key_in_the_public_set_is_published_by_its_public_half(
    settings: Any, other_key: rsa.RSAPrivateKey
) -> None:
    settings.JWT_PUBLIC_KEYS = [RSAAlgorithm.to_jwk(other_key, as_dict=True)]
    assert all("d" not in key for key in jwt.jwks()["keys"])


def test_a_symmetric_key_in_the_public_set_is_a_mistake_of_the_settings(settings: Any) -> None:
    settings.JWT_PUBLIC_KEYS = {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "bad"}]}
    with pytest.raises(ImproperlyConfigured):
        jwt.jwks()


def test_hs256_is_refused_without_a_shared_secret() -> None:
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(pyjwt.encode(claims(), SECRET, algorithm="HS256"))


def test_hs256_is_accepted_with_the_shared_secret_only(settings: Any) -> None:
    settings.JWT_SHARED_SECRET = SECRET
    assert jwt.decode(pyjwt.encode(claims(), SECRET, algorithm="HS256"))["preferred_username"] == "ana"
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(pyjwt.encode(claims(), "another-secret-that-is-long-enough-for-it", algorithm="HS256"))


def test_the_shared_secret_serves_no_other_algorithm(settings: Any) -> None:
    settings.JWT_SHARED_SECRET = SECRET
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(pyjwt.encode(claims(), SECRET, algorithm="HS512"))


def test_the_public_key_is_no_hs256_secret(settings: Any) -> None:
    """The classic confusion: signing with the text of the published key."""
    settings.JWT_SHARED_SECRET = SECRET
    (published,) = jwt.jwks()["keys"]
    for secret in (published["n"], str(published)):
        with pytest.raises(jwt.InvalidToken):
            jwt.decode(pyjwt.encode(claims(), secret, algorithm="HS256", headers={"kid": published["kid"]}))


def test_an_unsigned_token_is_refused() -> None:
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(pyjwt.encode(claims(), None, algorithm="none"))


@pytest.mark.parametrize("algorithm", ["RS256", "PS512"])
def test_other_algorithms_of_the_same_key_are_refused(
    settings: Any, other_key: rsa.RSAPrivateKey, algorithm: str
) -> None:
    settings.JWT_PRIVATE_KEY = pem_of(other_key)
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(pyjwt.encode(claims(), other_key, algorithm=algorithm))


@pytest.mark.parametrize(
    "text", ["", "x", "a.b", "a.b.c", "not.a.token", "....", "é.é.é", "\0.\0.\0", "bnVsbA.bnVsbA.x"]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert not jwt.is_jwt(text)
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(text)
    with pytest.raises(jwt.InvalidToken):
        jwt.decode_unverified(text)


def test_a_token_of_nothing_but_brackets_is_refused() -> None:
    deep = pyjwt.utils.base64url_encode(b"[" * 100_000).decode()
    header = pyjwt.utils.base64url_encode(b'{"alg":"RS512","typ":"JWT"}').decode()
    for token in (f"{deep}.{deep}.x", f"{header}.{deep}.e30"):
        with pytest.raises(jwt.InvalidToken):
            jwt.decode(token)
        with pytest.raises(jwt.InvalidToken):
            jwt.decode_unverified(token)


def test_a_tampered_token_is_refused() -> None:
    header, _, signature = jwt.issue({"preferred_username": "ana"}, 60).split(".")
    forged = jwt.issue({"preferred_username": "boss"}, 60).split(".")[1]
    with pytest.raises(jwt.InvalidToken):
        jwt.decode(f"{header}.{forged}.{signature}")


def test_the_user_name_comes_from_either_claim() -> None:
    assert jwt.username_of({"preferred_username": "ana", "username": "ben"}) == "ana"
    assert jwt.username_of({"username": "ben"}) == "ben"
    assert jwt.username_of({"preferred_username": 7}) == ""
    assert jwt.username_of({}) == ""


def test_without_a_key_in_the_settings_one_is_made_and_kept(settings: Any, tmp_path: Path) -> None:
    settings.JWT_PRIVATE_KEY = None
    settings.DATA_DIR = tmp_path
    token = jwt.issue({}, 60)
    kept = tmp_path / "jwt_private_key.pem"
    assert kept.stat().st_mode & 0o077 == 0
    settings.DATA_DIR = tmp_path.parent / tmp_path.name
    assert jwt.decode(token)


def test_a_key_of_the_settings_is_used(settings: Any, other_key: rsa.RSAPrivateKey) -> None:
    settings.JWT_PRIVATE_KEY = pem_of(other_key)
    assert pyjwt.decode(jwt.issue({}, 60), other_key.public_key(), algorithms=["RS512"], audience="matricula")


@pytest.mark.parametrize(
    "pem",
    [
        "nonsense",
        pem_of(ec.generate_private_key(ec.SECP256R1())),
        pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    ],
)
def test_a_key_that_is_no_strong_rsa_key_is_a_mistake_of_the_settings(settings: Any, pem: str) -> None:
    settings.JWT_PRIVATE_KEY = pem
    with pytest.raises(ImproperlyConfigured):
        jwt.issue({}, 60)
