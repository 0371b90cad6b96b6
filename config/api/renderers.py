"""Answer bodies."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

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


# One for all answers: json.dumps would make a new one each time.
_encoder = WireEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def json_text(data: Any) -> str:
    """A value as answers write it."""
    return _encoder.encode(data)


class Prerendered(str):
    """JSON text that is written already: an answer, or a part of one, that is kept between requests."""

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


class _IndentedEncoder(WireEncoder):
    def default(self, obj: Any) -> Any:
        return _milliseconds(obj) if isinstance(obj, datetime) else super().default(obj)


@lru_cache(maxsize=64)
def _flat_encoder(separator: str) -> _IndentedEncoder:
    """Encodes what holds no containers, with this between the entries."""
    return _IndentedEncoder(ensure_ascii=False, allow_nan=False, separators=(separator, ": "))


_SCALARS = frozenset({str, int, float, bool, type(None)})
_WORDS = {None: "null", True: "true", False: "false"}  # the encoder takes longer to set up than to write them


def indented_text(value: Any, line: str = "\n") -> str:
    """A value as `json.dumps(value, indent=2)` writes it; keys are texts.

    The standard encoder does without its C part when it indents; this one leaves it what holds no containers, and takes
    over parts that are `Prerendered` at the indent where they stand.

    Args:
        line: a line's end, with the indent of the value's last line.
    """
    if isinstance(value, str):
        return value if isinstance(value, Prerendered) else encode_basestring(value)
    if value is None or value is True or value is False:
        return _WORDS[value]
    if isinstance(value, (int, float)):
        return _flat_encoder(",").encode(value)
    if not isinstance(value, (dict, list, tuple)):
        return indented_text(_flat_encoder(",").default(value), line)
    inner = f"{line}  "
    separator = f",{inner}"
    entries = value.values() if isinstance(value, dict) else value
    if not entries:
        return "{}" if isinstance(value, dict) else "[]"
    if all(type(entry) in _SCALARS for entry in entries):
        text = _flat_encoder(separator).encode(value)[1:-1]
    elif isinstance(value, dict):
        text = separator.join(
            f"{encode_basestring(key)}: {indented_text(entry, inner)}" for key, entry in value.items()
        )
    else:
        text = separator.join(indented_text(entry, inner) for entry in value)
    return f"{{{inner}{text}{line}}}" if isinstance(value, dict) else f"[{inner}{text}{line}]"


def _milliseconds(moment: datetime) -> str:
    """UTC, cut to milliseconds, which are left out when the moment is a whole second."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text[:23]}Z" if moment.microsecond else f"{text}Z"


class IndentedJSONRenderer(JSONRenderer):
    """Indented JSON with moments cut to milliseconds; texts stay as they are (contract: support 0.2)."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else indented_text(data).encode(errors="backslashreplace")


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
