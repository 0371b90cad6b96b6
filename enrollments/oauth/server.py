"""The OAuth grants of the service, and the tokens they end in (contract: enrollment-api, POST /oauth2/access_token)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauthlib.common import Request, generate_token
from oauthlib.oauth2 import Server, UnsupportedGrantTypeError

from enrollments.services.tokens import access_token_for

GRANTS = ("authorization_code", "password", "client_credentials", "refresh_token")
JWT = "JWT"


class GrantServer(Server):
    """oauthlib's server with the contract's four grants, and nothing but codes from the authorization endpoint."""

    def __init__(self, request_validator: Any, **options: Any) -> None:
        own = {"token_expires_in": lifetime, "token_generator": access_token, "refresh_token_generator": refresh_token}
        super().__init__(request_validator, **{**options, **own})
        self._response_types = {"code": self.auth_grant}

    def validate_token_request(self, request: Request) -> None:
        super().validate_token_request(request)
        if request.grant_type not in GRANTS:
            raise UnsupportedGrantTypeError(request=request)


class GrantBackend(OAuthLibCore):
    """Tells oauthlib about the type of token that the client asks for."""

    def _get_extra_credentials(self, request: HttpRequest) -> dict[str, str]:
        wanted = request.POST.get("token_type") or request.META.get("HTTP_X_TOKEN_TYPE", "")
        return {"token_type": JWT} if wanted.lower() == "jwt" else {}


def is_for_jwt(request: Request) -> bool:
    """Whether a token request asks for a JWT (`token_type=jwt`, or the header `X-Token-Type`)."""
    return (request.extra_credentials or {}).get("token_type") == JWT


def lifetime(request: Request) -> int:
    """How long the access token lives, in seconds."""
    seconds = (
        settings.JWT_ACCESS_TOKEN_EXPIRATION if is_for_jwt(request) else settings.OAUTH_ACCESS_TOKEN_EXPIRE_SECONDS
    )
    return int(seconds)


def access_token(request: Request) -> str:
    """The text of the access token: a JWT, or an opaque one."""
    if not is_for_jwt(request):
        return str(generate_token(40))
    application = request.client
    return access_token_for(
        request.user or application.user,
        scopes=request.scopes,
        grant_type=application.authorization_grant_type,
        application=application,
    )


def refresh_token(request: Request) -> str:
    """The text of the refresh token: always opaque."""
    return str(generate_token(40))
