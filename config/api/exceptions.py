"""One exception handler for all APIs, and the shapes that errors have in each (ARCHITECTURE section 4, Error families).

A view inherits the mixin of its area; services raise `Refusal`; only the family decides how either looks.
"""

from __future__ import annotations

import errno
import html
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from django.http.request import RawPostDataException
from django.utils.safestring import SafeString
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.db.passing import is_passing

logger = logging.getLogger(__name__)

BAD_VALUE = "The request holds a value that cannot be processed."
TOO_DEEP = "The request is nested too deeply."
TOO_LARGE = "The request body is too large."
CONFLICT = "The request conflicts with another change made at the same time. Try again."
UNAVAILABLE = "The service is not available at the moment. Try again soon."
NO_SPACE = "The service has no space left to store this. Try again later."
RETRY_AFTER = 5  # seconds
DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MISSING: Any = object()  # no body was given, as opposed to the body null


class Refusal(Exception):
    """What a service raises when it will not do something; the error family of the view says how it is shown.

    Args:
        text: the sentence for the caller. Empty, with no body: the answer has no body at all.
        status: the HTTP status.
        code: a machine-readable word, shown where the family has a place for one (`error_code`).
        body: the whole body, shown as it is in every family.
    """

    def __init__(self, text: str, *, status: int = 400, code: str | None = None, body: Any = MISSING) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.code = code
        self.body = body


@dataclass
class Problem:
    """An error on its way to the caller.

    `detail` is a text, or the errors of a form as Django REST framework has them; `framework` marks what was refused
    before the view's own rules ran (no credentials, no permission, method, media type, rate).
    """

    status: int
    detail: Any
    code: str | None = None
    framework: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class DetailErrors:
    """`{"detail": text}`, and the errors of a form as they are. The shape of most areas."""

    error_headers: ClassVar[frozenset[str]] = frozenset({"WWW-Authenticate", "Retry-After"})

    @classmethod
    def error_response(cls, problem: Problem) -> HttpResponse:
        """How the family shows a problem."""
        return Response(cls.error_body(problem), status=problem.status)

    @classmethod
    def error_body(cls, problem: Problem) -> Any:
        return {"detail": problem.detail} if isinstance(problem.detail, str) else problem.detail


class DeveloperErrors(DetailErrors):
    """`{"developer_message": ...}` for everything, with `error_code` where one is given; without the usual headers.

    Contract: enrollment-api `enrollments/`, program-enrollments (which adds `Retry-After` to `error_headers`).
    """

    error_headers = frozenset()

    @classmethod
    def error_body(cls, problem: Problem) -> Any:
        body = {"developer_message": problem.detail}
        return {**body, "error_code": problem.code} if problem.code else body


class MessageErrors(DetailErrors):
    """`{"message": text}` for the view's own refusals, `{"detail": ...}` for those before it (POST enrollment)."""

    @classmethod
    def error_body(cls, problem: Problem) -> Any:
        return super().error_body(problem) if problem.framework else {"message": problem.detail}


class TextErrors(DetailErrors):
    """A bare sentence for the view's own refusals (support writes, certificates).

    It is shown as HTML, so what could be markup is escaped, unless whoever refuses has done so (`SafeString`).
    """

    @classmethod
    def error_response(cls, problem: Problem) -> HttpResponse:
        if problem.framework or not isinstance(problem.detail, str):
            return super().error_response(problem)
        safe = isinstance(problem.detail, SafeString)
        sentence = problem.detail if safe else html.escape(problem.detail, quote=False)
        return HttpResponse(sentence, status=problem.status, content_type="text/html; charset=utf-8")


class StringErrors(DetailErrors):
    """A bare JSON string for the view's own refusals (unenroll, license revoke, integration-reset)."""

    @classmethod
    def error_body(cls, problem: Problem) -> Any:
        return super().error_body(problem) if problem.framework else problem.detail


def outage(exc: BaseException | None) -> str | None:
    """What to tell the caller when no request is to blame, but the database or the disk; None for anything else."""
    if isinstance(exc, OperationalError | InterfaceError) and is_passing(exc):
        return UNAVAILABLE
    if isinstance(exc, OSError) and exc.errno in DISK_FULL:
        return NO_SPACE
    return None


def handle_exception(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """The answer to any exception of a view; None for one that no request should be able to cause: a 500."""
    view = context.get("view")
    family = view if isinstance(view, DetailErrors) else DetailErrors
    if isinstance(exc, Refusal):
        set_rollback()
        if exc.body is not MISSING or not exc.text:
            return Response(None if exc.body is MISSING else exc.body, status=exc.status)
        return family.error_response(Problem(exc.status, exc.text, exc.code))
    problem = _problem_of(exc, context.get("request"))
    if problem is None:
        return None
    set_rollback()
    response = family.error_response(problem)
    for name, value in problem.headers.items():
        if name in family.error_headers:
            response[name] = value
    return response


def _problem_of(exc: Exception, request: Any) -> Problem | None:
    known = _api_exception_of(exc, request)
    if known is None:
        return None
    headers = {}
    if challenge := getattr(known, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if seconds := getattr(known, "wait", None):
        headers["Retry-After"] = str(seconds)
    return Problem(
        known.status_code, known.detail, framework=known.status_code in {401, 403, 405, 415, 429}, headers=headers
    )


def _api_exception_of(exc: Exception, request: Any) -> exceptions.APIException | None:
    """The exception in terms of Django REST framework; None for one that is our own fault."""
    match exc:
        case exceptions.APIException():
            return exc
        case Http404():
            return exceptions.NotFound(*exc.args)
        case DjangoPermissionDenied():
            return exceptions.PermissionDenied(*exc.args)
        case RequestDataTooBig():
            return _with_status(413, TOO_LARGE)
        case SuspiciousOperation() | UnreadablePostError() | RawPostDataException():
            return exceptions.ParseError(str(exc) or BAD_VALUE)
        case DjangoValidationError() if not _raised_by_the_database_layer(exc.__traceback__):
            return exceptions.ValidationError(serializers.as_serializer_error(exc))
        case RecursionError():
            logger.warning("a request was nested too deeply", exc_info=exc)
            return exceptions.ParseError(TOO_DEEP)
        case IntegrityError():
            logger.error("two changes collided", exc_info=exc)
            return _with_status(409, CONFLICT)
        case DataError() | DjangoValidationError() | OverflowError() | UnicodeError():
            return _bad_value(exc, request)
        case ValueError() | TypeError() if _raised_by_the_database_layer(exc.__traceback__):
            return _bad_value(exc, request)
        case _ if sentence := outage(exc):
            logger.error("a request met an outage", exc_info=exc)
            return _unavailable(sentence)
    return None


def _unavailable(text: str) -> exceptions.APIException:
    problem = _with_status(503, text)
    problem.wait = RETRY_AFTER  # type: ignore[attr-defined]
    return problem


def _bad_value(exc: Exception, request: Any) -> exceptions.APIException:
    """A value that no column can hold: nothing is there, when only the path can have held it; else a bad request."""
    logger.warning("the database layer refused a value of the request", exc_info=exc)
    meta = getattr(request, "META", {})
    if not meta.get("QUERY_STRING") and meta.get("CONTENT_LENGTH") in {None, "", "0", 0}:
        return exceptions.NotFound()
    return exceptions.ParseError(BAD_VALUE)


def _with_status(status: int, text: str) -> exceptions.APIException:
    problem = exceptions.APIException(text)
    problem.status_code = status
    return problem


def _raised_by_the_database_layer(traceback: TracebackType | None) -> bool:
    """Whether the innermost frame is one that turns values into query parameters: a bad id, not a bug in a view."""
    if traceback is None:
        return False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = str(traceback.tb_frame.f_globals.get("__name__", ""))
    return module == "uuid" or module.startswith(("django.db.models.fields", "django.db.backends", "psycopg."))
