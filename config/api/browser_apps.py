"""Front ends that run in browsers on other origins, and what they need of errors (contract: clients 2 and 4.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.response import Response

HEADER = "USE-JWT-COOKIE"
UNNAMED = frozenset({"detail", "non_field_errors"})


def is_browser_app(request: Any) -> bool:
    """Whether one of the front ends asks: all their calls carry a header that nobody else sends.

    Args:
        request: of Django REST framework or of Django.
    """
    return HEADER in request.headers


class SentencesForBrowserApps:
    """A view whose errors front ends put on the page as they come: for them each is one text, whatever its shape.

    List it before the view's error family, which decides for all other callers.
    """

    def handle_exception(self, exc: Exception) -> Response:
        response: Response = super().handle_exception(exc)  # type: ignore[misc]
        body = getattr(response, "data", None)
        if isinstance(body, Mapping | list) and is_browser_app(self.request):  # type: ignore[attr-defined]
            response.data = " ".join(sentences(body))
        return response


def sentences(errors: Any, field: str = "") -> Iterator[str]:
    """The texts in the errors of a form, each with its field's name in front."""
    if isinstance(errors, Mapping):
        for name, value in errors.items():
            yield from sentences(value, field if name in UNNAMED else str(name))
    elif isinstance(errors, list):
        for value in errors:
            yield from sentences(value, field)
    else:
        yield f"{field}: {errors}" if field else str(errors)
