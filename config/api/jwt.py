"""The service's JSON web tokens: signing, verification and the published keys (contract: enrollment-api, JWT claims).

Tokens are RS512. A token is accepted when a key of the JWK set signed it; HS256 is accepted only with the shared
secret of the settings, and that secret serves no other algorithm. Keys are parsed once and again when settings change.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import jwt as pyjwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from jwt.algorithms import RSAAlgorithm
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

from config.secrets import kept_secret

Claims = dict[str, Any]

VERSION = "1.2.0"
LEEWAY_SECONDS = 1
MINIMUM_KEY_BITS = 2048


class TokenRefused(Exception):
    """A token that does not count; `detail` says why, in words for the caller."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidToken(TokenRefused):
    """Malformed, signed by nobody we know, or with claims that are not accepted."""


class ExpiredToken(TokenRefused):
    """Good once, but its time is over."""

    def __init__(self, detail: str = "Token has expired.") -> None:
        super().__init__(detail)


class Key(TokenBackend):
    """simplejwt's token backend for one key, with the key's id in the header of what it signs."""

    def __init__(self, algorithm: str, key: Any, key_id: str | None = None) -> None:
        super().__init__(
            algorithm,
            signing_key=key,
            verifying_key=cast("Any", key.public_key() if isinstance(key, RSAPrivateKey) else key),
            audience=settings.JWT_AUDIENCE if settings.JWT_VERIFY_AUDIENCE else None,
            issuer=settings.JWT_ISSUERS,
            leeway=LEEWAY_SECONDS,
        )
        self.key_id = key_id

    def encode(self, payload: Mapping[str, Any]) -> str:
        return pyjwt.encode(
            dict(payload), self.prepared_signing_key, algorithm=self.algorithm, headers={"kid": self.key_id}
        )


@dataclass(frozen=True)
class Keys:
    """All keys of the running service."""

    signer: Key
    public: dict[str, Key]
    shared: Key | None
    published: dict[str, list[dict[str, str]]]


def issue(claims: Mapping[str, Any], lifetime_seconds: int) -> str:
    """Sign a token.

    Args:
        claims: what it says; `iss`, `aud`, `iat`, `exp` and `version` are added unless given.
        lifetime_seconds: from now to its `exp`.
    """
    now = int(time.time())
    standard = {
        "iss": settings.JWT_ISSUER,
        "aud": settings.JWT_AUDIENCE,
        "iat": now,
        "exp": now + lifetime_seconds,
        "version": VERSION,
    }
    return _keys().signer.encode({**standard, **claims})


def decode(token: str) -> Claims:
    """The claims of a token that the service accepts.

    Raises:
        ExpiredToken: its `exp` has passed (by more than the leeway of a second).
        InvalidToken: anything else is wrong with it.
    """
    try:
        header = pyjwt.get_unverified_header(token)
    except (pyjwt.InvalidTokenError, ValueError, RecursionError) as problem:
        raise InvalidToken("Error decoding token.") from problem
    refusal = InvalidToken("Invalid signature.")
    for key in _keys_for(header):
        try:
            claims = key.decode(cast("Any", token))
        except TokenBackendExpiredToken as problem:
            raise ExpiredToken from problem
        except TokenBackendError as problem:
            if isinstance(problem.__cause__, pyjwt.InvalidSignatureError):
                continue
            raise InvalidToken(f"Invalid token: {problem.__cause__ or problem}.") from problem
        except (ValueError, RecursionError) as problem:
            raise InvalidToken("Error decoding token.") from problem
        _check(claims)
        return claims
    raise refusal


def decode_unverified(token: str) -> Claims:
    """What a token says, believed by nobody: only to tell whose it claims to be.

    Raises:
        InvalidToken: it is no token at all.
    """
    unsigned = ".".join(token.split(".", 2)[:2]) + "."  # a signature that is none does not make it say less
    try:
        return pyjwt.decode(unsigned, options={"verify_signature": False})
    except (pyjwt.InvalidTokenError, ValueError, RecursionError) as problem:
        raise InvalidToken("Error decoding token.") from problem


def is_jwt(text: str) -> bool:
    """Whether a bearer text is (or pretends to be) a JWT of an accepted issuer, rather than an opaque token."""
    if text.count(".") != 2:
        return False
    try:
        return decode_unverified(text).get("iss") in settings.JWT_ISSUERS
    except TokenRefused:
        return False


def jwks() -> dict[str, list[dict[str, str]]]:
    """The JWK set that others verify our tokens with: `{"keys": [...]}`, public halves only."""
    return _keys().published


def username_of(claims: Mapping[str, Any]) -> str:
    """Whom a token speaks for: `preferred_username`, else `username`; empty when it names nobody."""
    username = claims.get("preferred_username") or claims.get("username")
    return username if isinstance(username, str) else ""


def _keys_for(header: Mapping[str, Any]) -> list[Key]:
    """The keys that may have signed a token with this header; an algorithm is tied to its kind of key."""
    keys = _keys()
    algorithm = header.get("alg")
    if algorithm == "RS512":
        named = keys.public.get(header.get("kid") or "")
        return [named] if named else list(keys.public.values())
    if algorithm == "HS256" and keys.shared:
        return [keys.shared]
    raise InvalidToken("Invalid token: this algorithm is not accepted.")


def _check(claims: Claims) -> None:
    for required in ("exp", "iat"):
        if claims.get(required) is None:
            raise InvalidToken(f'Invalid token: Token is missing the "{required}" claim.')
    major = str(claims.get("version", VERSION)).partition(".")[0]
    if not (major.isascii() and major.isdigit() and len(major) < 10 and int(major) <= int(VERSION.partition(".")[0])):
        raise InvalidToken("Invalid token: its version is not supported.")


@lru_cache(maxsize=1)
def _keys() -> Keys:
    private = _private_key()
    public = {_thumbprint(private.public_key()): private.public_key()}
    for key_id, key in _configured_public_keys():
        public.setdefault(key_id, key)
    shared = settings.JWT_SHARED_SECRET
    return Keys(
        signer=Key("RS512", private, next(iter(public))),
        public={key_id: Key("RS512", key, key_id) for key_id, key in public.items()},
        shared=Key("HS256", shared) if shared else None,
        published={
            "keys": [{**_jwk(key), "use": "sig", "alg": "RS512", "kid": key_id} for key_id, key in public.items()]
        },
    )


def _private_key() -> RSAPrivateKey:
    pem = settings.JWT_PRIVATE_KEY or kept_secret(Path(settings.DATA_DIR) / "jwt_private_key.pem", _new_private_key)
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as problem:
        raise ImproperlyConfigured("JWT_PRIVATE_KEY is no unencrypted private key in PEM form.") from problem
    if not isinstance(key, RSAPrivateKey) or key.key_size < MINIMUM_KEY_BITS:
        raise ImproperlyConfigured(f"JWT_PRIVATE_KEY must be an RSA key of at least {MINIMUM_KEY_BITS} bits.")
    return key


def _new_private_key() -> str:
    key = generate_private_key(public_exponent=65537, key_size=MINIMUM_KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _configured_public_keys() -> Iterator[tuple[str, RSAPublicKey]]:
    configured = settings.JWT_PUBLIC_KEYS or []
    for jwk in configured.get("keys", []) if isinstance(configured, Mapping) else configured:
        try:
            key = RSAAlgorithm.from_jwk(jwk)
        except (pyjwt.InvalidKeyError, ValueError, KeyError) as problem:
            # A symmetric key in this set would let anybody who reads it sign tokens.
            raise ImproperlyConfigured("JWT_PUBLIC_KEYS must be a JWK set of RSA keys.") from problem
        public = key.public_key() if isinstance(key, RSAPrivateKey) else key
        yield str(jwk.get("kid") or _thumbprint(public)), public


def _jwk(key: RSAPublicKey) -> dict[str, str]:
    described = RSAAlgorithm.to_jwk(key, as_dict=True)
    return {name: described[name] for name in ("e", "kty", "n")}


def _thumbprint(key: RSAPublicKey) -> str:
    """RFC 7638: the same key has the same id everywhere."""
    canonical = json.dumps(_jwk(key), separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")


def _forget_keys(*, setting: str, **kwargs: Any) -> None:
    if setting == "DATA_DIR" or setting.startswith("JWT_"):
        _keys.cache_clear()


setting_changed.connect(_forget_keys)
