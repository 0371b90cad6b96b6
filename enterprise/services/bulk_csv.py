"""Rosters: enrollment rows as a CSV file, read line by line in bounded memory, whatever encoding a spreadsheet gave it.

The first line names the columns, by the names of the row's fields and in any order; an empty cell is a field not given.
Commas, semicolons and tabs separate. Lines without any text are skipped.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from typing import IO, Any

from charset_normalizer import from_bytes
from django.conf import settings

from config.api.exceptions import Refusal
from enterprise.bulk.rows import RowInput
from enterprise.services.bulk_rows import FIELDS, NON_FIELD_ERRORS, check_row

MAX_ERRORS = 100
BLOCK = 64 * 1024  # bytes read at once
SAMPLE = 64 * 1024  # bytes of lines with other than ASCII characters, from which an encoding is told
DELIMITERS = ",;\t"
WESTERN = "cp1252"
# What a file of a few names may be as well; it is Western only if no trace of disorder remains when read so.
RIVALS = ["cp1250", "cp1251", "koi8_r", "mac_roman", "cp437", "cp850", "shift_jis", "gb18030", "euc_kr", "big5"]

UNKNOWN_ENCODING = (
    "The encoding of the file cannot be told. Save it as UTF-8, or name its encoding in the request: "
    "Content-Type: text/csv; charset=..."
)

# The columns of which one must be there, as they are named when none is.
NEEDED = (("course_run_key",), ("user_id", "email"), ("license_uuid", "transaction_id"))


class _Stop(Exception):
    """The file cannot be read any further."""


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
        self._encoding = _known_encoding(charset) if charset else _encoding_of(file)
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
                errors.append(_error(line, None, f"The file has more than {settings.BULK_JOB_MAX_ROWS} rows."))
                break
            if not isinstance(checked, RowInput):
                errors.extend(_error(line, _column(name), message) for name, [message] in checked.items())
            if len(errors) >= MAX_ERRORS:
                break
        if not errors and not total:
            errors.append(_error(1, None, "The file has no rows."))
        if errors:
            raise _refusal(errors)
        return total

    def _rows(self, errors: list[dict[str, Any]]) -> Iterator[tuple[int, RowInput | dict[str, list[str]]]]:
        """Line number and result of every row; what makes the file unreadable is added to the errors and ends it."""
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding=self._encoding, newline="")
        try:
            yield from _checked_rows(text, errors)
        except _Stop:
            return
        finally:
            text.detach()


def _checked_rows(
    text: io.TextIOWrapper, errors: list[dict[str, Any]]
) -> Iterator[tuple[int, RowInput | dict[str, list[str]]]]:
    lines = _lines(text, errors)
    first = next(lines, None)
    if first is None:
        return
    columns = _columns(*first, errors)
    for line, cells in lines:
        if len(cells) > len(columns) and any(cells[len(columns) :]):
            errors.append(_error(line, str(len(columns) + 1), "The line has more cells than the header."))
            raise _Stop
        yield line, check_row({name: cell for name, cell in zip(columns, cells, strict=False) if cell})


def _lines(text: io.TextIOWrapper, errors: list[dict[str, Any]]) -> Iterator[tuple[int, list[str]]]:
    """The number of the line where it begins and the trimmed cells of every line that has any text."""
    line = 1
    try:
        reader = csv.reader(text, delimiter=_delimiter(text), strict=True)
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as problem:
        errors.append(_error(line, None, f"The line cannot be read: {problem}."))
        raise _Stop from problem
    except UnicodeError as problem:
        named = text.encoding.removesuffix("-sig")
        errors.append(_error(None, None, f"The file is not {named}, as it was said to be."))
        raise _Stop from problem


def _delimiter(text: io.TextIOWrapper) -> str:
    """The separator that the first line with any text uses most."""
    header = text.read(BLOCK).lstrip().partition("\n")[0]
    text.seek(0)
    return max(DELIMITERS, key=header.count)


def _columns(line: int, cells: list[str], errors: list[dict[str, Any]]) -> list[str]:
    """The field names of the header line."""
    names = [cell.lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    found = [_error(line, cell, "Unknown column.") for cell in cells[: len(names)] if cell.lower() not in FIELDS]
    found += [_error(line, name, "The column appears twice.") for name in FIELDS if names.count(name) > 1]
    found += [
        _error(line, " or ".join(alternatives), "The column is missing.")
        for alternatives in NEEDED
        if not any(name in names for name in alternatives)
    ]
    if found:
        errors.extend(found[:MAX_ERRORS])
        raise _Stop
    return names


def _column(name: str) -> str | None:
    return None if name == NON_FIELD_ERRORS else name


def _error(line: int | None, column: str | None, message: str) -> dict[str, Any]:
    return {"line": line, "column": column, "message": message}


def _refusal(errors: list[dict[str, Any]]) -> Refusal:
    first = f" (the first {MAX_ERRORS})" if len(errors) >= MAX_ERRORS else ""
    detail = f"The CSV file cannot be used and nothing was done; `errors` says why{first}."
    return Refusal(detail, body={"detail": detail, "errors": errors[:MAX_ERRORS]})


# --- Encodings -------------------------------------------------------------------------------------------------------


def _known_encoding(charset: str) -> str:
    try:
        codec = codecs.lookup(charset)
    except (LookupError, ValueError):
        raise _refusal([_error(None, None, f"There is no encoding {charset[:40]!r}.")]) from None
    # A mark at the beginning is no part of the first column's name.
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


def _encoding_of(file: IO[bytes]) -> str:
    """UTF-8 and UTF-16 with or without a mark, and the Western encodings of spreadsheets.

    Raises:
        Refusal: none of them.
    """
    file.seek(0)
    start = file.read(4096)
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, ""),
        (codecs.BOM_UTF32_BE, ""),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            return encoding or _no_encoding()
    if b"\0" in start:
        # The names of the columns are ASCII: in UTF-16 every second byte of theirs is zero.
        if not any(start[1:200:2]):
            return "utf-16-le"
        return "utf-16-be" if not any(start[0:200:2]) else _no_encoding()
    return "utf-8-sig" if _is_utf8(file) else _western(file)


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _western(file: IO[bytes]) -> str:
    """Windows-1252, of which Latin-1 is a part as far as letters go, when the file looks like it."""
    file.seek(0)
    sample = bytearray()
    for line in iter(lambda: file.readline(BLOCK), b""):
        if not line.isascii():
            sample += line
        if len(sample) >= SAMPLE:
            break
    readings = from_bytes(bytes(sample), cp_isolation=[WESTERN, *RIVALS])
    clean = {name for reading in readings if not reading.chaos for name in reading.could_be_from_charset}
    return WESTERN if WESTERN in clean else _no_encoding()


def _no_encoding() -> str:
    raise _refusal([_error(None, None, UNKNOWN_ENCODING)])
