"""Answers for what no view answers: JSON under the APIs, elsewhere a sentence for programs and a page for people.

Contract: clients 2 (Errors) and 4.1: browser apps show the text of an error, and stumble over pages and empty bodies.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.csrf import csrf_failure as django_csrf_failure

from config.api.browser_apps import is_browser_app
from config.api.exceptions import RETRY_AFTER, TOO_LARGE, outage

API_PREFIXES = ("/api/", "/enterprise/api/", "/auth/saml/", "/channel_integrations/api/", "/integrated_channels/api/")


def is_api(request: HttpRequest) -> bool:
    """Whether the caller of this address expects JSON."""
    return request.path_info.startswith(API_PREFIXES)


def is_program(request: HttpRequest) -> bool:
    """Whether a script asks rather than a person: it takes JSON and no page, or is one of the browser apps."""
    accepted = request.headers.get("Accept", "").lower()
    return is_browser_app(request) or ("application/json" in accepted and "text/html" not in accepted)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _answer(request, 404, "Not found.", "There is no such page.")


def permission_denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _answer(request, 403, "You do not have permission to perform this action.", "You may not see this page.")


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _answer(request, 413, TOO_LARGE, TOO_LARGE)
    return _answer(request, 400, "Bad request.", "The request could not be understood.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while it handles the exception: an outage passes, a bug does not."""
    if sentence := outage(sys.exception()):
        answer = _answer(request, 503, sentence, sentence)
        answer["Retry-After"] = str(RETRY_AFTER)
        return answer
    return _answer(request, 500, "A server error occurred.", "Something went wrong here. It has been logged.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's page, or under the APIs the words of the contract."""
    if is_api(request):
        return JsonResponse({"detail": f"CSRF Failed: {reason}"}, status=403)
    if is_program(request):
        return _sentence(f"CSRF Failed: {reason}", 403)
    return django_csrf_failure(request, reason)


def _answer(request: HttpRequest, status: int, detail: str, sentence: str) -> HttpResponse:
    if is_api(request):
        return JsonResponse({"detail": detail}, status=status)
    if is_program(request):
        return _sentence(sentence, status)
    # Without the request: no context processor may fail while an error is being reported.
    return HttpResponse(render_to_string("error.html", {"status": status, "sentence": sentence}), status=status)


def _sentence(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
