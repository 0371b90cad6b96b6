"""Who may get which token (contract: enrollment-api, POST /oauth2/access_token)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.utils import timezone
from oauth2_provider.oauth2_validators import AccessToken, Grant, OAuth2Validator
from oauthlib.common import Request, generate_token
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError, UnauthorizedClientError

from enrollments.models import OAuthApplication
from enrollments.oauth.server import is_for_jwt

# The grant of a request, and the applications it is open to. A refresh token renews what a person once agreed to.
OPEN_TO = {
    "authorization_code": {OAuthApplication.GRANT_AUTHORIZATION_CODE},
    "password": {OAuthApplication.GRANT_PASSWORD},
    "client_credentials": {OAuthApplication.GRANT_CLIENT_CREDENTIALS},
    "refresh_token": {OAuthApplication.GRANT_AUTHORIZATION_CODE, OAuthApplication.GRANT_PASSWORD},
}


class MatriculaOAuth2Validator(OAuth2Validator):
    """The toolkit's rules, where the contract has none of its own."""

    def _extract_basic_auth(self, request: Request) -> str | None:
        """The encoded credentials of the header; None for what no base64 holds, which the toolkit cannot take."""
        encoded: str | None = super()._extract_basic_auth(request)
        return encoded if encoded and encoded.isascii() else None

    def _load_application(self, client_id: str | None, request: Request) -> OAuthApplication | None:
        if not client_id or "\0" in client_id:
            request.client = None
            return None
        return super()._load_application(client_id, request)

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """Applications without a secret have nothing else to prove that the code was meant for them."""
        return bool(request.client and request.client.client_type == OAuthApplication.CLIENT_PUBLIC)

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: OAuthApplication, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        if grant_type == "client_credentials" and client.user is None:
            return False  # such a token speaks for the application's owner
        return client.authorization_grant_type in OPEN_TO[grant_type]

    def validate_user(
        self, username: str, password: str, client: OAuthApplication, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Inactive accounts pass; the grant is checked first, so that only its own clients can try passwords."""
        if not self.validate_grant_type(client.client_id, request.grant_type, client, request):
            raise UnauthorizedClientError(request=request)
        account = authenticate(None, username=username, password=password)
        request.user = account
        return account is not None

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: OAuthApplication, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        # Blanks before, after and between scopes mean nothing.
        request.scopes = [scope for scope in scopes if scope] or self.get_default_scopes(client_id, request)
        return super().validate_scopes(client_id, request.scopes, client, request)

    def validate_refresh_token(
        self, refresh_token: str, client: OAuthApplication, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """As the toolkit, with the lifetime of the settings as they are now."""
        if not super().validate_refresh_token(refresh_token, client, request):
            return False
        granted = request.refresh_token_instance.created
        return granted + timedelta(seconds=settings.OAUTH_REFRESH_TOKEN_EXPIRE_SECONDS) > timezone.now()

    def _check_and_set_request_resource(self, request: Request) -> None:
        """Resource indicators (RFC 8707) are not served: all tokens are for this service."""
        request.resource = []

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        if request.grant_type == "client_credentials" and is_for_jwt(request):
            return  # a JWT is looked up nowhere, and there is no refresh token that needs its row
        super().save_bearer_token(token, request, *args, **kwargs)

    def _save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        super()._save_bearer_token(token, request, *args, **kwargs)
        if request.grant_type == "authorization_code":
            # In the transaction that stores the tokens: of two exchanges of one code at once, one keeps nothing.
            super().invalidate_authorization_code(request.client_id, request.code, request)

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """The code went when its tokens were stored."""

    def _create_access_token(
        self, expires: Any, request: Request, token: dict[str, Any], source_refresh_token: Any = None
    ) -> AccessToken:
        if request.grant_type == "client_credentials":
            request.user = request.client.user
        if is_for_jwt(request):
            # The row is there for the refresh token alone: a JWT is looked up nowhere, and two of one second are alike.
            token = {**token, "access_token": str(generate_token(40))}
        return super()._create_access_token(expires, request, token, source_refresh_token)

    def _create_authorization_code(self, request: Request, code: dict[str, str], expires: Any = None) -> Grant:
        request.resource = []
        for name in ("code_challenge", "code_challenge_method", "nonce"):
            longest = Grant._meta.get_field(name).max_length
            if len(getattr(request, name) or "") > longest:
                raise InvalidRequestError(f"The {name} is longer than {longest} characters.", request=request)
        return super()._create_authorization_code(request, code, expires)
