"""Request bodies, checked once for what no database or answer can carry, so that no view has to (never a 500)."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters
from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles

DEEPEST = 64  # levels of nesting
LONGEST_NUMBER = 100  # digits
BLOCK = 64 * 1024  # bytes read at once
NUL = "Null characters are not allowed."

# Escapes of NUL and of halves of surrogate pairs; a body without any needs no closer look at its texts.
_suspect_escape = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_surrogate = re.compile("[\ud800-\udfff]")


class JSONParser(parsers.JSONParser):
    """JSON without NaN and infinities, absurdly long numbers, deep nesting, NUL characters and broken Unicode.

    Raises:
        ParseError: `JSON parse error - ...`, 400.
        RequestDataTooBig: 413.
    """

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        encoding = (parser_context or {}).get("encoding") or "utf-8"
        try:
            text = b"".join(_blocks(stream)).decode(encoding)
            data = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_no_constant)
            _check(data, texts_too=_suspect_escape.search(text) is not None)
        except RecursionError:
            raise ParseError(f"JSON parse error - nested deeper than {DEEPEST} levels") from None
        except (ValueError, LookupError) as problem:
            raise ParseError(f"JSON parse error - {problem}") from problem
        return data


class MergePatchParser(JSONParser):
    """RFC 7396 (contract: enrollment-api, Course modes PATCH)."""

    media_type = "application/merge-patch+json"


class FormParser(parsers.FormParser):
    """A URL-encoded form without NUL characters."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return _without_nul(super().parse(stream, media_type, parser_context))


class MultiPartParser(parsers.MultiPartParser):
    """A multipart form without NUL characters in its fields; its files may hold anything.

    Raises:
        RequestDataTooBig: 413, for the whole of it.
    """

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> DataAndFiles:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = str((parser_context or {})["request"].META.get("CONTENT_LENGTH") or "0")
        if limit is not None and length.isdecimal() and int(length) > limit:
            raise RequestDataTooBig
        try:
            parsed = super().parse(stream, media_type, parser_context)
        except Exception:
            _drop_unfinished((parser_context or {})["request"].upload_handlers)
            raise
        _without_nul(parsed.data)
        return parsed


class CsvParser(parsers.BaseParser):
    """A CSV file as the body: afterwards it is the request's file `file`, as a form would have brought it.

    Raises:
        RequestDataTooBig: 413.
    """

    media_type = "text/csv"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> DataAndFiles:
        _, parameters = parse_header_parameters(media_type or self.media_type)
        # Closed, and removed from the disk, when nothing refers to it any more.
        body = tempfile.SpooledTemporaryFile(max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115
        size = sum(body.write(block) for block in _blocks(stream))
        body.seek(0)
        file = UploadedFile(body, "body.csv", self.media_type, size, parameters.get("charset"))
        return DataAndFiles(QueryDict(), MultiValueDict({"file": [file]}))


def _drop_unfinished(handlers: Iterable[Any]) -> None:
    """Removes the part of a file that was spooled before the upload broke off; Django closes only whole files."""
    for handler in handlers:
        if (file := getattr(handler, "file", None)) is not None:
            with suppress(OSError):  # what it still holds in memory finds no room either
                file.close()


def _blocks(stream: Any) -> Iterator[bytes]:
    """The body, up to the length that is allowed.

    Raises:
        RequestDataTooBig: it is longer.
    """
    limit, size = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, 0
    while block := stream.read(BLOCK):
        size += len(block)
        if limit is not None and size > limit:
            raise RequestDataTooBig
        yield block


def _without_nul(form: Any) -> Any:
    for name, values in form.lists():
        if any("\0" in text for text in (name, *values)):
            raise ParseError(NUL)
    return form


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("Out of range float values are not JSON compliant")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"Out of range float values are not JSON compliant: {name}")


def _check(data: Any, *, texts_too: bool) -> None:
    """Walk the containers level by level; the texts only when the body has escapes that could make bad ones."""
    level = [data]
    for _ in range(DEEPEST):
        if texts_too:
            for text in _texts(level):
                _check_text(text)
        level = [each for container in level for each in _children(container) if isinstance(each, (dict, list))]
        if not level:
            return
    raise ValueError(f"nested deeper than {DEEPEST} levels")


def _children(container: Any) -> Any:
    if isinstance(container, dict):
        return container.values()
    return container if isinstance(container, list) else ()


def _texts(level: list[Any]) -> Any:
    for container in level:
        if isinstance(container, str):
            yield container
        elif isinstance(container, dict):
            yield from container
        yield from (each for each in _children(container) if isinstance(each, str))


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError(NUL)
    if _surrogate.search(text):
        raise ValueError("a text is no valid Unicode")
