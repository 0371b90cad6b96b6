"""What happens to every request before a view sees it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from corsheaders.signals import check_request_enabled
from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware import common

from config.api.authentication import JWT_COOKIE

CONSOLE = "/admin/"
CONSOLE_SOURCES = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
FORMAT_SUFFIXES = (".json", ".xml")
LONGEST_PATH = 4096  # bytes, unescaped
LONGEST_QUERY = 65_536  # bytes, escaped
LONGEST_NUMBER = 18  # digits of the body's length, in bytes
CHARSETS = {"utf-8", "utf-8-sig", "ascii", "iso8859-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"}

_request_id = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)
_bad_escape = re.compile(rb"%(?![0-9A-Fa-f]{2})")

GetResponse = Callable[[HttpRequest], HttpResponse]


@receiver(check_request_enabled)
def admits_every_origin(sender: object, request: HttpRequest, **kwargs: Any) -> bool:
    """Whether CORS admits origins that are on no list (setting CORS_ALLOW_ALL, read when it is used)."""
    return bool(settings.CORS_ALLOW_ALL)


class RequestGuardMiddleware:
    """Refuses with a 400 what no later part can be expected to take: NUL characters, escapes that are no UTF-8,
    over-long addresses, exotic charsets, lengths that are no numbers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        problem = self.problem_of(request)
        if problem:
            return JsonResponse({"detail": problem}, status=400)
        return self.get_response(request)

    def problem_of(self, request: HttpRequest) -> str | None:
        """What is wrong with a request, as a sentence; None when it may pass."""
        if getattr(request, "malformed", False) or not _is_known_charset(request.encoding or "utf-8"):
            return "The charset of the request is not supported."
        # Django leaves escapes in the path that are no UTF-8 as they were.
        path = unquote_to_bytes(request.path_info)
        query = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
        if len(path) > LONGEST_PATH or len(query) > LONGEST_QUERY:
            return "The address is too long."
        if b"\0" in path or not _is_utf8(path):
            return "The path is malformed."
        plain_query = unquote_to_bytes(query)
        if b"\0" in plain_query or not _is_utf8(plain_query) or _bad_escape.search(query):
            return "The query string is malformed."
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        if not length.isdecimal() or len(length) > LONGEST_NUMBER:
            return "The length of the body is malformed."
        # Quoted cookies may hold octal escapes, of which this one is a NUL.
        if "\\000" in request.META.get("HTTP_COOKIE", ""):
            return "A cookie is malformed."
        return None


class RequestIdGuardMiddleware:
    """Lets the caller's `X-Request-ID` pass only when it is a short token, fit for logs and headers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID")
        if given is not None and not _request_id.fullmatch(given):
            del request.META["HTTP_X_REQUEST_ID"]
        return self.get_response(request)


class JwtCookieMiddleware:
    """Joins the two JWT cookies into one, with or without the header `USE-JWT-COOKIE`; a whole one is left as it is.

    Contract: roles-and-permissions 6.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        readable = request.COOKIES.get(f"{JWT_COOKIE}-header-payload")
        signature = request.COOKIES.get(f"{JWT_COOKIE}-signature")
        if readable and signature:
            request.COOKIES[JWT_COOKIE] = f"{readable}.{signature}"
        return self.get_response(request)


class CommonMiddleware(common.CommonMiddleware):
    """Django's, redirecting GET and HEAD only to the address with a slash: others would lose their body.

    A format suffix stands in place of the slash: one that an endpoint does not have is not found.

    A 204 goes out without a body, whatever the view wrote: on a kept connection it would be read as the next answer.
    """

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        may_lack_slash = request.method in {"GET", "HEAD"} and not request.path_info.endswith(FORMAT_SUFFIXES)
        return may_lack_slash and super().should_redirect_with_slash(request)

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        response = super().process_response(request, response)
        if response.status_code == 204:
            response.content = b""
            del response["Content-Length"]
        return response


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """The policy of all pages; the console's theme also evaluates texts and writes styles while it runs."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith(CONSOLE):
            response._csp_update = CONSOLE_SOURCES  # type: ignore[attr-defined]  # as its decorators do
        return super().process_response(request, response)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_known_charset(name: str) -> bool:
    try:
        return codecs.lookup(name).name in CHARSETS
    except LookupError:
        return False
