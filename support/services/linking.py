"""Students linked with accounts from lines of text (contract: support, link_program_enrollments_details).

The JSON endpoint and the page call the same function; what is wrong with the input is part of its answer.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from enterprise.queries.emails import lowered
from program_enrollments.services.linking import link_by_username

NOT_GIVEN = (
    "You must provide both a program uuid and a series of lines with the format 'external_user_key,lms_username'."
)
NO_UUID = "Supplied program UUID '{}' is not a valid UUID."
MALFORMED = "All linking lines must be in the format 'external_user_key,lms_username'"


@dataclass(frozen=True)
class Linked:
    """What became of the lines, and the input that they came with, for forms that show it again.

    Args:
        successes: `('key', 'user name')` for each pair that was linked.
        errors: why others were not.
        program_uuid: the program as given, stripped.
        text: the lines as given.
    """

    program_uuid: str
    text: str
    successes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def link_lines(program_uuid: Any, text: Any) -> Linked:
    """Links the students that lines `external_user_key,lms_username` name.

    Lines are CSV; further columns and empty lines are ignored, blanks around values too. Of a key that is there twice,
    in whatever case, the last line counts.

    Args:
        program_uuid, text: as sent; what is no text counts as not given.
    """
    given = _text(program_uuid).strip()
    lines = _text(text)
    if not given or not lines:
        return Linked(given, lines, errors=[NOT_GIVEN])
    try:
        program = UUID(given)
    except ValueError:
        return Linked(given, lines, errors=[NO_UUID.format(given)])
    usernames = _pairs(lines)
    if usernames is None:
        return Linked(given, lines, errors=[MALFORMED])
    failures = link_by_username(program, usernames)
    successes = [f"('{key}', '{username}')" for key, username in usernames.items() if key not in failures]
    return Linked(given, lines, successes, list(failures.values()))


def _text(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _pairs(text: str) -> dict[str, str] | None:
    """User names by key; None when a line lacks either."""
    last: dict[str, tuple[str, str]] = {}
    try:
        for row in csv.reader(io.StringIO(text, newline=None)):
            if not row:
                continue
            key, username = (*(cell.strip() for cell in row), "")[:2]
            if not key or not username:
                return None
            last[lowered(key)] = (key, username)
    except csv.Error:  # a value that is longer than any key
        return None
    return dict(last.values())
