"""CSRF checks of credentials in cookies, and cross-domain rules (contract: enrollment-api, Roles and permissions)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.middleware.csrf import REASON_CSRF_TOKEN_MISSING, get_token
from django.utils.functional import cached_property
from rest_framework.authentication import CSRFCheck
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request, is_form_media_type
from rest_framework.response import Response


class OriginAwareCheck(CSRFCheck):
    """Django's check, with the origins of `CORS_ORIGIN_WHITELIST` (read now, not at start) trusted too."""

    @cached_property
    def csrf_trusted_origins_hosts(self) -> list[str]:
        origins = {*settings.CSRF_TRUSTED_ORIGINS, *settings.CORS_ORIGIN_WHITELIST}
        return [urlsplit(origin).netloc.lstrip("*") for origin in origins]

    def _origin_verified(self, request: Any) -> bool:
        return request.META["HTTP_ORIGIN"] in settings.CORS_ORIGIN_WHITELIST or super()._origin_verified(request)  # type: ignore[misc]


class CrossDomainCheck(OriginAwareCheck):
    """Asks for the token but not for the referer when the request qualifies as cross-domain."""

    def _origin_verified(self, request: Any) -> bool:
        return is_cross_domain(request) or super()._origin_verified(request)

    def _check_referer(self, request: Any) -> None:
        if not is_cross_domain(request):
            super()._check_referer(request)  # type: ignore[misc]


def is_cross_domain(request: Any) -> bool:
    """Whether a request comes, by https from a page of https, from an origin that CORS admits."""
    try:
        referer = urlsplit(request.META.get("HTTP_REFERER", ""))
    except ValueError:
        return False
    if not request.is_secure() or referer.scheme != "https":
        return False
    return settings.CORS_ALLOW_ALL or f"https://{referer.netloc}" in settings.CORS_ORIGIN_WHITELIST


def enforce_csrf(request: Request, check_class: type[CSRFCheck] = OriginAwareCheck) -> None:
    """Refuse an unsafe request without a CSRF token.

    Raises:
        PermissionDenied: `CSRF Failed: ...`, 403.
    """
    # A body that is no form cannot carry the token: leave it unread, so that its own errors come later.
    subject = request if is_form_media_type(request.content_type) else request._request
    check: Any = check_class(HttpResponse)
    check.process_request(subject)
    try:
        reason = check.process_view(subject, None, (), {})
    except APIException:
        reason = REASON_CSRF_TOKEN_MISSING
    if reason:
        raise PermissionDenied(f"CSRF Failed: {reason}")


class SetsCsrfCookies:
    """For views whose GET sets the CSRF cookie, and the cross-domain one where it is configured and the request fits.

    Contract: enrollment-api, Roles and permissions (`GET enrollment...`, `GET roles/`).
    """

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        finished = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        if request.method == "GET":
            get_token(request._request)
            name, domain = settings.CROSS_DOMAIN_CSRF_COOKIE_NAME, settings.CROSS_DOMAIN_CSRF_COOKIE_DOMAIN
            if name and domain and is_cross_domain(request._request):
                finished.set_cookie(
                    name,
                    request._request.META["CSRF_COOKIE"],
                    max_age=settings.CSRF_COOKIE_AGE,
                    domain=domain,
                    path=settings.CSRF_COOKIE_PATH,
                    secure=True,
                )
        return finished
