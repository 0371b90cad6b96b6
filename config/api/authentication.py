"""Who calls (contract: roles-and-permissions 6, enrollment-api "Roles and permissions").

JWT comes first in every view's list: it decides the `WWW-Authenticate` header of a 401. A session of an inactive
account reaches the views (the sign-in backend loads it); the class that a view lists decides whether it counts.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from oauth2_provider.models import get_access_token_model
from rest_framework import authentication
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from config.api import jwt
from config.api.csrf import CrossDomainCheck, OriginAwareCheck, enforce_csrf

JWT_COOKIE = "edx-jwt-cookie"
CHALLENGE = 'JWT realm="api"'


class JwtAuthentication(BaseAuthentication):
    """A JWT of the `Authorization` header (`JWT`, or `Bearer` when it is one of ours), else of the cookie.

    A bad header is final; a bad cookie is forgiven. A cookie of another user than the session's, good or bad, is a 401.
    `is_active` is not looked at. A token of a restricted application is refused here, so that no view can forget it,
    unless the view says `admits_restricted_applications = True`. `request.auth` becomes the token's claims.
    """

    def authenticate(self, request: Request) -> tuple[Any, jwt.Claims] | None:
        token = self.header_token(request)
        if token is not None:
            try:
                claims = decoded(request, token)
            except jwt.TokenRefused as refusal:
                raise AuthenticationFailed(refusal.detail) from refusal
            return self.admitted(request, claims, account_of(claims))
        if _bearer_decides(request):
            return None
        return self.by_cookie(request)

    def header_token(self, request: Request) -> str | None:
        """The token that the header carries for us; None when it carries none."""
        scheme, _, rest = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        token = rest.strip()
        if scheme.lower() == "jwt":
            if not token:
                raise AuthenticationFailed("Invalid Authorization header. No credentials provided.")
            if " " in token:
                raise AuthenticationFailed(
                    "Invalid Authorization header. Credentials string should not contain spaces."
                )
            return token
        return token if scheme.lower() == "bearer" and jwt.is_jwt(token) else None

    def by_cookie(self, request: Request) -> tuple[Any, jwt.Claims] | None:
        token = request.COOKIES.get(JWT_COOKIE)
        if not token:
            return None
        signed_in = session_account(request)
        try:
            claims = decoded(request, token)
        except jwt.TokenRefused:
            refuse_other_account(signed_in, unverified_username(token))
            return None
        refuse_other_account(signed_in, jwt.username_of(claims))
        enforce_csrf(request)
        return self.admitted(request, claims, signed_in or account_of(claims))

    def admitted(self, request: Request, claims: jwt.Claims, account: Any) -> tuple[Any, jwt.Claims]:
        if claims.get("is_restricted") and not _view_admits_restricted(request):
            raise PermissionDenied
        return account, claims

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class JwtCookieAuthentication(JwtAuthentication):
    """The JWT cookie alone; what the `Authorization` header holds does not count."""

    def authenticate(self, request: Request) -> tuple[Any, jwt.Claims] | None:
        return self.by_cookie(request)


class BearerAuthentication(BaseAuthentication):
    """An opaque access token of the OAuth toolkit; inactive accounts may use theirs. `request.auth` is the token's row.

    Failures are 401 with `error_code` and `developer_message`.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        scheme, _, rest = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        text = rest.strip()
        if not text:
            raise self.failure("token_not_provided", "Invalid token header. No credentials provided.")
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise self.failure("token_malformed", "Invalid token header. The token has characters that no token has.")
        tokens = get_access_token_model().objects.select_related("user", "application")
        token = tokens.filter(token_checksum=_checksum(text)).first()
        if token is None:
            raise self.failure("token_nonexistent", "The provided access token does not match any valid tokens.")
        if token.expires <= timezone.now():
            raise self.failure("token_expired", "The provided access token has expired and is no longer valid.")
        if _is_disabled(token):
            raise self.failure("user_is_disabled", "The account of this token is disabled.")
        if token.application and token.application.is_restricted:
            raise PermissionDenied
        return token.user, token

    def failure(self, code: str, message: str) -> AuthenticationFailed:
        return AuthenticationFailed({"error_code": code, "developer_message": message})

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class InactiveSessionAuthentication(authentication.SessionAuthentication):
    """The Django session, of inactive accounts too; unsafe methods need a CSRF token."""

    csrf_check = OriginAwareCheck

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        account = session_account(request)
        if account is None or not self.counts(account):
            return None
        self.enforce_csrf(request)
        return account, None

    def counts(self, account: Any) -> bool:
        return True

    def enforce_csrf(self, request: Request) -> None:
        enforce_csrf(request, self.csrf_check)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionAuthentication(InactiveSessionAuthentication):
    """The Django session of an active account; that of an inactive one counts as anonymous."""

    def counts(self, account: Any) -> bool:
        return bool(account.is_active)


class ActiveCrossDomainSessionAuthentication(SessionAuthentication):
    """The session of an active account, without the referer check for qualifying requests of other origins."""

    csrf_check = CrossDomainCheck


class CrossDomainSessionAuthentication(InactiveSessionAuthentication):
    """As its parent, without the referer check for qualifying requests of other origins; the token is still needed."""

    csrf_check = CrossDomainCheck


def request_claims(request: Any) -> jwt.Claims | None:
    """The JWT claims that count for a request; None without any.

    Those of the token that authenticated it. With session authentication those of the JWT cookie, but only when the
    cookie is good and of the session's user (contract: roles-and-permissions 4).

    Args:
        request: of Django REST framework or of Django.
    """
    if isinstance(request, Request):
        account: Any = request.user
        auth = request.auth
        if auth is not None:
            return auth if isinstance(auth, dict) else None
    else:
        account = getattr(request, "user", None)
    token = request.COOKIES.get(JWT_COOKIE)
    if not token or not account or not account.is_authenticated:
        return None
    try:
        claims = decoded(request, token)
    except jwt.TokenRefused:
        return None
    return claims if jwt.username_of(claims) == account.username else None


def decoded(request: Any, token: str) -> jwt.Claims:
    """The claims of a token, verified once per request.

    Raises:
        jwt.TokenRefused: as `jwt.decode`.
    """
    outcomes = _http(request).__dict__.setdefault("decoded_tokens", {})
    if token not in outcomes:
        try:
            outcomes[token] = jwt.decode(token)
        except jwt.TokenRefused as refusal:
            outcomes[token] = refusal
    outcome = outcomes[token]
    if isinstance(outcome, jwt.TokenRefused):
        raise outcome
    return outcome


def account_of(claims: jwt.Claims) -> Any:
    """The account a verified token speaks for, made if there is none; its columns are never changed from claims.

    Raises:
        AuthenticationFailed: the token names nobody, or nobody that could exist.
    """
    username = jwt.username_of(claims)
    account_model = get_user_model()
    longest = account_model._meta.get_field("username").max_length or 0
    if not username or len(username) > longest or not username.isprintable():
        raise AuthenticationFailed("Invalid token: it names no user.")
    try:
        return account_model.objects.get(username=username)
    except account_model.DoesNotExist:
        made, _ = account_model.objects.get_or_create(username=username, defaults={"password": make_password(None)})
        return made


def session_account(request: Any) -> Any:
    """The account of the Django session, active or not; None without one. Costs no statement when no cookie came."""
    http = _http(request)
    if settings.SESSION_COOKIE_NAME not in http.COOKIES:
        return None
    account = getattr(http, "user", None)
    return account if account is not None and account.is_authenticated else None


def unverified_username(token: str) -> str:
    """Whom a bad token claims to be; empty when it cannot be read."""
    try:
        return jwt.username_of(jwt.decode_unverified(token))
    except jwt.TokenRefused:
        return ""


def refuse_other_account(signed_in: Any, username: str) -> None:
    """Refuse a JWT cookie of another user than the session's.

    Raises:
        AuthenticationFailed: they differ.
    """
    if signed_in is not None and username and username != signed_in.username:
        raise AuthenticationFailed("The JWT cookie belongs to another user than the session.")


def _http(request: Any) -> Any:
    """Django's own request, which outlives the wrappers of Django REST framework."""
    return getattr(request, "_request", request)


def _bearer_decides(request: Request) -> bool:
    """The header wins over cookies: whether it holds an opaque token that a later authenticator of the view judges."""
    scheme = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")[0].lower()
    return scheme == "bearer" and any(isinstance(each, BearerAuthentication) for each in request.authenticators or ())


def _view_admits_restricted(request: Request) -> bool:
    view = request.parser_context.get("view") if request.parser_context else None
    return bool(getattr(view, "admits_restricted_applications", False))


def _checksum(token: str) -> str:
    """How the toolkit indexes tokens."""
    return hashlib.sha256(token.encode()).hexdigest()


def _is_disabled(token: Any) -> bool:
    """An unusable password is how operators disable an account; accounts behind client credentials never had one."""
    if token.user is None:
        return True
    application = token.application
    by_person = application is not None and application.authorization_grant_type != "client-credentials"
    return by_person and not token.user.has_usable_password()
