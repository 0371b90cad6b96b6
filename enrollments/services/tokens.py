"""What the service's tokens say, and the cookies that carry them (contract: enrollment-api, JWT claims, Cookies)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from django.urls import reverse

from config.api import jwt
from config.api.exceptions import Refusal
from config.hooks import hook
from enrollments.models import OAuthApplication, User
from enrollments.profile_images import picture_urls

CLIENT_CREDENTIALS = "client-credentials"
COOKIE_SCOPES = ("user_id", "email", "profile")
READABLE_COOKIE = "edx-jwt-cookie-header-payload"
SIGNATURE_COOKIE = "edx-jwt-cookie-signature"
LOGGED_IN_COOKIE = "edxloggedin"
USER_INFO_COOKIE = "edx-user-info"
SIGN_IN_COOKIES = (READABLE_COOKIE, SIGNATURE_COOKIE, LOGGED_IN_COOKIE, USER_INFO_COOKIE)
USER_INFO_VERSION = 1


class LoginApplicationMissing(Refusal):
    """Nobody can be given sign-in cookies: the OAuth application `JWT_LOGIN_CLIENT_ID` is not there."""

    def __init__(self) -> None:
        text = "Signing in is not possible: the login service's OAuth application is missing."
        super().__init__(text, body={"success": False, "value": text})


def access_token_for(
    user: User,
    *,
    scopes: Iterable[str],
    grant_type: str,
    application: OAuthApplication | None = None,
    lifetime: int | None = None,
) -> str:
    """A signed JWT that speaks for an account.

    Costs one statement for the roles, one for a profile that is not loaded, one for the application's organisations.

    Args:
        scopes: what its holder may ask; `email`, `profile` and `user_id` also decide which claims there are.
        grant_type: of the application, with hyphens (`client-credentials`, `password`, `authorization-code`), or empty.
        application: whose token it is; its organisations become filters, and it may be restricted.
        lifetime: seconds; `JWT_ACCESS_TOKEN_EXPIRATION` when left out. Tokens that the service mints for itself live
            `OAUTH_ID_TOKEN_EXPIRATION`.
    Contract: enrollment-api, JWT claims.
    """
    granted = list(scopes)
    filters = [] if grant_type == CLIENT_CREDENTIALS else ["user:me"]
    if application is not None:
        organizations = application.organizations.order_by("short_name").values_list("short_name", flat=True)
        filters += [f"content_org:{short_name}" for short_name in organizations]
    claims: dict[str, Any] = {
        "sub": user.anonymous_id,
        "preferred_username": user.username,
        "scopes": granted,
        "grant_type": grant_type,
        "filters": filters,
        "is_restricted": bool(application and application.is_restricted),
        "email_verified": user.is_active,
        **claims_about(user, granted),
    }
    if grant_type == CLIENT_CREDENTIALS and settings.JWT_CLIENT_CREDENTIALS_USER_ID:
        claims["user_id"] = user.pk
    role_claims = hook("TOKEN_ROLE_CLAIMS")
    if role_claims and (roles := role_claims(user)):
        claims["roles"] = roles
    return jwt.issue(claims, settings.JWT_ACCESS_TOKEN_EXPIRATION if lifetime is None else lifetime)


def claims_about(user: User, scopes: Collection[str]) -> dict[str, Any]:
    """What these scopes let somebody know of an account."""
    claims: dict[str, Any] = {}
    if "user_id" in scopes:
        claims["user_id"] = user.pk
    if "email" in scopes:
        claims["email"] = user.email
    if "profile" in scopes:
        claims |= {
            "name": user.full_name(),
            "family_name": user.last_name,
            "given_name": user.first_name,
            "administrator": user.is_staff,
            "superuser": user.is_superuser,
        }
    return claims


def login_application() -> OAuthApplication:
    """The application behind the tokens of browsers (contract: settings, Seed data).

    Raises:
        LoginApplicationMissing: it is not there.
    """
    application = OAuthApplication.objects.filter(client_id=settings.JWT_LOGIN_CLIENT_ID).first()
    if application is None:
        raise LoginApplicationMissing
    return application


def set_sign_in_cookies(response: HttpResponseBase, request: Any, user: User) -> int:
    """Give a browser the cookies of a signed-in account: the JWT in two halves, and what page headers show of it.

    Args:
        request: of Django or of Django REST framework, with the session that the cookies accompany.
    Returns:
        When the JWT expires, in seconds since the epoch.
    Raises:
        LoginApplicationMissing: there is no application to issue the token through.
    """
    application = login_application()
    grant_type = application.authorization_grant_type
    token = access_token_for(user, scopes=COOKIE_SCOPES, grant_type=grant_type, application=application)
    readable, _, signature = token.rpartition(".")
    token_seconds, session_seconds = settings.JWT_ACCESS_TOKEN_EXPIRATION, request.session.get_expiry_age()
    _set(response, READABLE_COOKIE, readable, token_seconds)
    _set(response, SIGNATURE_COOKIE, signature, token_seconds, http_only=True)
    _set(response, LOGGED_IN_COOKIE, "true", session_seconds)
    _set(response, USER_INFO_COOKIE, json.dumps(_user_info(request, user)), session_seconds)
    return int(jwt.decode_unverified(token)["exp"])


def clear_sign_in_cookies(response: HttpResponseBase) -> None:
    """Take the sign-in cookies away from a browser."""
    same_site: Any = settings.SESSION_COOKIE_SAMESITE
    for name in SIGN_IN_COOKIES:
        response.delete_cookie(name, path="/", domain=settings.SHARED_COOKIE_DOMAIN, samesite=same_site)


def _set(response: HttpResponseBase, name: str, value: str, seconds: int, *, http_only: bool = False) -> None:
    same_site: Any = settings.SESSION_COOKIE_SAMESITE
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        domain=settings.SHARED_COOKIE_DOMAIN,
        secure=settings.SECURE_COOKIES,
        httponly=http_only,
        samesite=same_site,
    )


def _user_info(request: Any, user: User) -> dict[str, Any]:
    """What page headers read; the service has no pages for the addresses that are null."""
    return {
        "version": USER_INFO_VERSION,
        "username": user.username,
        "email": user.email,
        "header_urls": {
            "logout": request.build_absolute_uri(reverse("logout")),
            "account_settings": None,
            "learner_profile": None,
            "resume_block": None,
        },
        "user_image_urls": picture_urls(request),
    }
