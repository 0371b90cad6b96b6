"""Rosters: enrollment rows as a CSV file, read line by line in bounded memory, whatever encoding a spreadsheet gave it.

The first line names the columns, by the names of the row's fields and in any order; an empty cell is a field not given.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

from django.conf import settings

from enterprise.bulk.rows import RowInput
from enterprise.services.bulk_rows import FIELDS, NON_FIELD_ERRORS, check_row
from enterprise.services.csv_files import (
    MAX_ERRORS,
    Unreadable,
    encoding_of,
    error,
    known_encoding,
    opened,
    read_lines,
    refusal,
)

# The columns of which one must be there, as they are named when none is.
NEEDED = (("course_run_key",), ("user_id", "email"), ("license_uuid", "transaction_id"))


class Roster:
    """The rows of a CSV file; each iteration reads the file anew.

    Args:
        file: an open, seekable binary file.
        charset: its encoding as the sender named it; empty: told from its bytes.
    Raises:
        Refusal: 400 with `detail` and `errors`, a list of line, column and message; nothing may be done then.
    """

    def __init__(self, file: IO[bytes], charset: str = "") -> None:
        self._file = file
        self._encoding = known_encoding(charset) if charset else encoding_of(file)
        self.total = self._check()

    def __iter__(self) -> Iterator[RowInput]:
        errors: list[dict[str, Any]] = []
        for _, checked in self._rows(errors):
            if isinstance(checked, RowInput):
                yield checked

    def __len__(self) -> int:
        return self.total

    def _check(self) -> int:
        """Reads the whole file once; answers how many rows it has."""
        errors: list[dict[str, Any]] = []
        total = 0
        for line, checked in self._rows(errors):
            total += 1
            if total > settings.BULK_JOB_MAX_ROWS:
                errors.append(error(line, None, f"The file has more than {settings.BULK_JOB_MAX_ROWS} rows."))
                break
            if not isinstance(checked, RowInput):
                errors.extend(error(line, _column(name), message) for name, [message] in checked.items())
            if len(errors) >= MAX_ERRORS:
                break
        if not errors and not total:
            errors.append(error(1, None, "The file has no rows."))
        if errors:
            raise refusal(errors)
        return total

    def _rows(self, errors: list[dict[str, Any]]) -> Iterator[tuple[int, RowInput | dict[str, list[str]]]]:
        """Line number and result of every row; what makes the file unreadable is added to the errors and ends it."""
        text = opened(self._file, self._encoding)
        try:
            yield from _checked_rows(text, errors)
        except Unreadable:
            return
        finally:
            text.detach()


def _checked_rows(
    text: io.TextIOWrapper, errors: list[dict[str, Any]]
) -> Iterator[tuple[int, RowInput | dict[str, list[str]]]]:
    lines = read_lines(text, errors)
    first = next(lines, None)
    if first is None:
        return
    columns = _columns(*first, errors)
    for line, cells in lines:
        if len(cells) > len(columns) and any(cells[len(columns) :]):
            errors.append(error(line, str(len(columns) + 1), "The line has more cells than the header."))
            raise Unreadable
        yield line, check_row({name: cell for name, cell in zip(columns, cells, strict=False) if cell})


def _columns(line: int, cells: list[str], errors: list[dict[str, Any]]) -> list[str]:
    """The field names of the header line."""
    names = [cell.lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    found = [error(line, cell, "Unknown column.") for cell in cells[: len(names)] if cell.lower() not in FIELDS]
    found += [error(line, name, "The column appears twice.") for name in FIELDS if names.count(name) > 1]
    found += [
        error(line, " or ".join(alternatives), "The column is missing.")
        for alternatives in NEEDED
        if not any(name in names for name in alternatives)
    ]
    if found:
        errors.extend(found[:MAX_ERRORS])
        raise Unreadable
    return names


def _column(name: str) -> str | None:
    return None if name == NON_FIELD_ERRORS else name
