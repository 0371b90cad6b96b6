"""CSV files as people upload them: read line by line in bounded memory, whatever encoding a spreadsheet gave them.

Commas, semicolons and tabs separate. Lines without any text are skipped.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from typing import IO, Any

from charset_normalizer import from_bytes

from config.api.exceptions import Refusal

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


class Unreadable(Exception):
    """The file cannot be read any further; why stands among the errors."""


def opened(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """The file as text, from its beginning; detach it when done."""
    file.seek(0)
    return io.TextIOWrapper(file, encoding=encoding, newline="")


def read_lines(text: io.TextIOWrapper, errors: list[dict[str, Any]]) -> Iterator[tuple[int, list[str]]]:
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
        errors.append(error(line, None, f"The line cannot be read: {problem}."))
        raise Unreadable from problem
    except UnicodeError as problem:
        named = text.encoding.removesuffix("-sig")
        errors.append(error(None, None, f"The file is not {named}, as it was said to be."))
        raise Unreadable from problem


def _delimiter(text: io.TextIOWrapper) -> str:
    """The separator that the first line with any text uses most."""
    header = text.read(BLOCK).lstrip().partition("\n")[0]
    text.seek(0)
    return max(DELIMITERS, key=header.count)


def error(line: int | None, column: str | None, message: str) -> dict[str, Any]:
    """One entry of the list of what is wrong with a file."""
    return {"line": line, "column": column, "message": message}


def refusal(errors: list[dict[str, Any]]) -> Refusal:
    """400 with what is wrong with a file, to be raised."""
    first = f" (the first {MAX_ERRORS})" if len(errors) >= MAX_ERRORS else ""
    detail = f"The CSV file cannot be used and nothing was done; `errors` says why{first}."
    return Refusal(detail, body={"detail": detail, "errors": errors[:MAX_ERRORS]})


# --- Encodings -------------------------------------------------------------------------------------------------------


def known_encoding(charset: str) -> str:
    """The encoding that a sender names.

    Raises:
        Refusal: there is none of that name.
    """
    try:
        codec = codecs.lookup(charset)
    except (LookupError, ValueError):
        raise refusal([error(None, None, f"There is no encoding {charset[:40]!r}.")]) from None
    # A mark at the beginning is no part of the first column's name.
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


def encoding_of(file: IO[bytes]) -> str:
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
    raise refusal([error(None, None, UNKNOWN_ENCODING)])
