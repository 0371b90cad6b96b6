"""Answer bodies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import renderers
from rest_framework.utils.encoders import JSONEncoder

from config.api.fields import wire_time


class WireEncoder(JSONEncoder):
    """Date-times as the contract writes them; the rest as Django REST framework does."""

    def default(self, obj: Any) -> Any:
        if isinstance(obj, datetime):
            return wire_time(obj)
        return super().default(obj)


# One for all answers: json.dumps would make a new one each time.
_encoder = WireEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def json_text(data: Any) -> str:
    """A value as answers write it."""
    return _encoder.encode(data)


class Prerendered(str):
    """JSON text that a view has written itself: an answer made of parts that are kept between requests."""

    __slots__ = ()


class JSONRenderer(renderers.JSONRenderer):
    """Compact UTF-8 JSON that is safe inside a script too."""

    encoder_class = WireEncoder

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        text = data if isinstance(data, Prerendered) else json_text(data)
        if not text.isascii():
            text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        # A lone half of a surrogate pair has no UTF-8 form; its JSON escape has.
        return text.encode(errors="backslashreplace")
