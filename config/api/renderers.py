"""Answer bodies."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import orjson
from rest_framework import renderers
from rest_framework.utils.encoders import JSONEncoder
from rest_framework_xml.renderers import XMLRenderer as PlainXMLRenderer

from config.api.fields import wire_time


class WireEncoder(JSONEncoder):
    """Date-times as the contract writes them; the rest as Django REST framework does."""

    def default(self, obj: Any) -> Any:
        if isinstance(obj, datetime):
            return wire_time(obj)
        return super().default(obj)


class Writer:
    """Writes JSON with orjson, and what that refuses with the standard library, in the same form.

    Refused are keys that are no text, integers beyond 64 bits, lone halves of surrogate pairs, and deep nesting.

    Args:
        encoder: says how values look that JSON does not know.
        indented: by two blanks; else nothing stands between the parts.
    """

    # Dates and times come from the encoder, as all that JSON does not know; subclasses are made plain first.
    _options = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS

    def __init__(self, encoder: type[JSONEncoder], *, indented: bool = False) -> None:
        form: dict[str, Any] = {"indent": 2} if indented else {"separators": (",", ":")}
        # One for all answers: json.dumps would make a new one each time.
        self._encoder = encoder(ensure_ascii=False, allow_nan=False, **form)
        self._option = self._options | (orjson.OPT_INDENT_2 if indented else 0)

    def bytes_of(self, data: Any) -> bytes:
        try:
            return orjson.dumps(data, self._plain, self._option)
        except orjson.JSONEncodeError:
            # A lone half of a surrogate pair has no UTF-8 form; its JSON escape has.
            return self._encoder.encode(data).encode(errors="backslashreplace")

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return dict(value.items())  # of a form these are the last values, while it holds lists of them
        if isinstance(value, (list, tuple)):
            return list(value)
        if isinstance(value, str):
            return str.__str__(value)
        return int(value) if isinstance(value, int) else self._encoder.default(value)


_writer = Writer(WireEncoder)


def json_text(data: Any) -> str:
    """A value as answers write it."""
    return _writer.bytes_of(data).decode()


class Prerendered(str):
    """JSON text that a view has written itself: an answer made of parts that are kept between requests."""

    __slots__ = ()


class JSONRenderer(renderers.JSONRenderer):
    """Compact UTF-8 JSON that is safe inside a script too."""

    encoder_class = WireEncoder

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        body = data.encode() if isinstance(data, Prerendered) else _writer.bytes_of(data)
        if not body.isascii():
            body = body.replace(_line_separator, b"\\u2028").replace(_paragraph_separator, b"\\u2029")
        return body


_line_separator, _paragraph_separator = "\u2028".encode(), "\u2029".encode()


class _MillisecondEncoder(WireEncoder):
    def default(self, obj: Any) -> Any:
        return _milliseconds(obj) if isinstance(obj, datetime) else super().default(obj)


_indented_writer = Writer(_MillisecondEncoder, indented=True)


def _milliseconds(moment: datetime) -> str:
    """UTC, cut to milliseconds, which are left out when the moment is a whole second."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text[:23]}Z" if moment.microsecond else f"{text}Z"


class IndentedJSONRenderer(JSONRenderer):
    """Indented JSON with moments cut to milliseconds; texts stay as they are (contract: support 0.2)."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else _indented_writer.bytes_of(data)


# Characters that no XML document may hold.
_no_xml = re.compile("[^\\t\\n\\r -\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_no_tag = re.compile(r"[^\w.-]", re.ASCII)


class XMLRenderer(PlainXMLRenderer):
    """XML: the root is `root`, entries of a list are `list-item`, null is an empty element; errors look the same.

    Moments are written as in JSON. A key that is no tag gets `_` for what does not fit, a character that XML cannot
    hold becomes U+FFFD: every answer is a well-formed document. Contract: enterprise-customers 4.5.
    """

    def _to_xml(self, xml: Any, data: Any) -> None:
        if isinstance(data, dict):
            super()._to_xml(xml, {_tag(key): value for key, value in data.items()})
        elif isinstance(data, datetime):
            super()._to_xml(xml, wire_time(data))
        elif isinstance(data, str):
            super()._to_xml(xml, _no_xml.sub("\N{REPLACEMENT CHARACTER}", data))
        else:
            super()._to_xml(xml, data)


def _tag(key: Any) -> str:
    """A key as the name of an element."""
    name = _no_tag.sub("_", str(key))
    return name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"
