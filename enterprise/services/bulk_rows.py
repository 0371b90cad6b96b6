"""The form of one requested enrollment, checked by a plain function: a serializer per row costs more than enrolling.

Messages and their order are those of serializer fields. Contract: enterprise-learners, bulk enrollment, Row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from rest_framework.fields import BooleanField

from config.db.ids import LARGEST_ID
from enterprise.bulk.rows import RowInput

Errors = dict[str, list[str]]

NON_FIELD_ERRORS = "non_field_errors"

REQUIRED = "This field is required."
NULL = "This field may not be null."
BLANK = "This field may not be blank."
NOT_A_TEXT = "Not a valid string."
NOT_AN_INTEGER = "A valid integer is required."
NOT_A_BOOLEAN = "Must be a valid boolean."
NOT_A_UUID = "Must be a valid UUID."
NOT_A_URL = "Enter a valid URL."
NUL = "Null characters are not allowed."
TOO_LONG = "String value too large."
TOO_LARGE = "Ensure this value is less than or equal to {}."
TOO_SMALL = "Ensure this value is greater than or equal to {}."
NOBODY = "At least one user identifier field [user_id or email] required."
UNPAID = "At least one subsidy info field [license_uuid or transaction_id] required."
PAID_TWICE = "Enrollment info contains conflicting subsidy information: `license_uuid` and `transaction_id` found"

LONGEST_NUMBER = 1000  # characters

_uuid = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_whole = re.compile(r"\.0*\s*$")
_check_url = URLValidator(schemes=["http", "https"])


class _Wrong(Exception):
    """A value that a field does not take; the text is the message."""


def check_row(row: Any) -> RowInput | Errors:
    """The row ready to be stored, or what is wrong with it: messages by field.

    Args:
        row: as the JSON body has it, or the non-empty cells of a CSV line. Keys that are no fields are ignored.
    """
    if not isinstance(row, Mapping):
        message = NULL if row is None else f"Invalid data. Expected a dictionary, but got {type(row).__name__}."
        return {NON_FIELD_ERRORS: [message]}
    errors: Errors = {}
    values = [_field(name, read, row, errors) for name, read in _READERS]
    if errors:
        return errors
    checked = RowInput(*values)
    if checked.user_id is None and not checked.email:
        return {NON_FIELD_ERRORS: [NOBODY]}
    if checked.license_uuid is None and checked.transaction_id is None:
        return {NON_FIELD_ERRORS: [UNPAID]}
    if checked.license_uuid is not None and checked.transaction_id is not None:
        return {NON_FIELD_ERRORS: [PAID_TWICE]}
    return checked


def _field(name: str, read: Callable[[Any], Any], row: Mapping[str, Any], errors: Errors) -> Any:
    try:
        return read(row.get(name, _absent))
    except _Wrong as wrong:
        errors[name] = [str(wrong)]
        return None


_absent: Any = object()


def _user_id(value: Any) -> int | None:
    """0 counts as missing."""
    if value is _absent:
        return None
    if value is None:
        raise _Wrong(NULL)
    number = value if type(value) is int else _as_integer(value)
    if number > LARGEST_ID:
        raise _Wrong(TOO_LARGE.format(LARGEST_ID))
    if number < -LARGEST_ID:
        raise _Wrong(TOO_SMALL.format(-LARGEST_ID))
    return number or None


def _as_integer(value: Any) -> int:
    if isinstance(value, str) and len(value) > LONGEST_NUMBER:
        raise _Wrong(TOO_LONG)
    try:
        return int(_whole.sub("", str(value)))
    except ValueError:
        raise _Wrong(NOT_AN_INTEGER) from None


def _email(value: Any) -> str:
    return "" if value is _absent else _text(value)


def _required_text(value: Any) -> str:
    if value is _absent:
        raise _Wrong(REQUIRED)
    return _text(value)


def _subsidy(value: Any) -> UUID | None:
    """Null counts as missing, so that a row may name both kinds and fill in one."""
    if value is _absent or value is None:
        return None
    text = _text(value)
    if not _uuid.fullmatch(text):
        raise _Wrong(NOT_A_UUID)
    return UUID(text)


def _link(value: Any) -> str | None:
    """Null and an empty text count as missing."""
    if value is _absent or value is None or value == "":
        return None
    text = _text(value)
    try:
        _check_url(text)
    except ValidationError:
        raise _Wrong(NOT_A_URL) from None
    return text


def _flag(value: Any) -> bool:
    if value is _absent or value is False:
        return False
    if value is None:
        raise _Wrong(NULL)
    word = value.lower() if isinstance(value, str) else value  # spreadsheets write TRUE
    try:
        if word in BooleanField.TRUE_VALUES:
            return True
        if word in BooleanField.FALSE_VALUES:
            return False
    except TypeError:  # lists and objects have no hash
        raise _Wrong(NOT_A_BOOLEAN) from None
    raise _Wrong(NOT_A_BOOLEAN)


def _text(value: Any) -> str:
    if isinstance(value, str):
        text = value.strip()
    elif value is None:
        raise _Wrong(NULL)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong(NOT_A_TEXT)
    else:
        text = str(value)
    if not text:
        raise _Wrong(BLANK)
    if "\0" in text:
        raise _Wrong(NUL)
    return text


# In the order of RowInput's arguments.
_READERS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("user_id", _user_id),
    ("email", _email),
    ("course_run_key", _required_text),
    ("license_uuid", _subsidy),
    ("transaction_id", _subsidy),
    ("activation_link", _link),
    ("force_enrollment", _flag),
    ("is_default_auto_enrollment", _flag),
)
FIELDS = tuple(name for name, _ in _READERS)
