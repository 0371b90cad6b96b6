"""Answers for what no view answers: JSON under the APIs, a plain page elsewhere (ARCHITECTURE section 4)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.csrf import csrf_failure as django_csrf_failure

from config.api.exceptions import TOO_LARGE

API_PREFIXES = ("/api/", "/enterprise/api/", "/auth/saml/")


def is_api(request: HttpRequest) -> bool:
    """Whether the caller of this address expects JSON."""
    return request.path_info.startswith(API_PREFIXES)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _answer(request, 404, "Not found.", "There is no such page.")


def permission_denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _answer(request, 403, "You do not have permission to perform this action.", "You may not see this page.")


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _answer(request, 413, TOO_LARGE, TOO_LARGE)
    return _answer(request, 400, "Bad request.", "The request could not be understood.")


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500, "A server error occurred.", "Something went wrong here. It has been logged.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's page, or under the APIs the words of the contract."""
    if is_api(request):
        return JsonResponse({"detail": f"CSRF Failed: {reason}"}, status=403)
    return django_csrf_failure(request, reason)


def _answer(request: HttpRequest, status: int, detail: str, sentence: str) -> HttpResponse:
    if is_api(request):
        return JsonResponse({"detail": detail}, status=status)
    # Without the request: no context processor may fail while an error is being reported.
    return HttpResponse(render_to_string("error.html", {"status": status, "sentence": sentence}), status=status)
