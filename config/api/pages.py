"""What all HTML pages share."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.templatetags.static import static


def platform(request: HttpRequest) -> dict[str, Any]:
    """Context of all templates: the name of the platform."""
    return {"platform_name": settings.PLATFORM_NAME}


def allow_form_targets(response: HttpResponse, *addresses: str | None) -> None:
    """Let the forms of a page end at other origins too: browsers hold the redirects after a form to the page's policy.

    Args:
        addresses: full addresses, already checked; paths and nothing are left out.
    """
    parts = [urlsplit(address) for address in addresses if address]
    origins = [
        part._replace(path="", query="", fragment="").geturl().removeprefix("//") for part in parts if part.netloc
    ]
    if origins:
        response._csp_update = {"form-action": origins}  # type: ignore[attr-defined]


def sign_in_first(request: HttpRequest) -> HttpResponseRedirect:
    """To the page to sign in on, and back from there."""
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?next={quote(request.get_full_path())}")


def favicon(request: HttpRequest) -> HttpResponse:
    """The mark of the service, where browsers look for it on answers that are no page."""
    return redirect(static("images/mark.svg"))


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's sign-in is that of the service, with its lockout; who is signed in and may not enter is told so.

    Raises:
        PermissionDenied: the caller is signed in, and no active member of the staff.
    """
    if request.user.is_authenticated and not (request.user.is_active and request.user.is_staff):
        raise PermissionDenied
    query = request.META.get("QUERY_STRING")
    return redirect(f"{settings.LOGIN_URL}?{query or 'next=/admin/'}")
