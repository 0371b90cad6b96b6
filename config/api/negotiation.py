"""Which renderer answers."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation


class LenientNegotiation(DefaultContentNegotiation):
    """As `Accept` wishes where a view can; else the view's first renderer, or that of the suffix; never a 406.

    Negotiation comes before authentication, and a 401 or 403 must not turn into a 406 because of a browser's header.
    """

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            first = self.filter_renderers(renderers, format_suffix)[0] if format_suffix else renderers[0]
            return first, first.media_type
