"""How requests enter from a WSGI server."""

from __future__ import annotations

from typing import Any

import django
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import QueryDict


class Request(WSGIRequest):
    """Django's request, which reads its query string while it is being made when the content type names a charset.

    An exotic charset, or a query with too many fields, would fail there, before any middleware could answer. Such a
    request is marked `malformed`, and RequestGuardMiddleware refuses it.
    """

    malformed = False

    def _set_content_type_params(self, meta: Any) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except (LookupError, ValueError, SuspiciousOperation):
            self.malformed = True
            self._encoding = None
            self.GET = QueryDict()


class Handler(WSGIHandler):
    """The application object of the service."""

    request_class = Request


def make_application() -> Handler:
    """Django, set up and ready to answer."""
    django.setup(set_prefix=False)
    return Handler()
