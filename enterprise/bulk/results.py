"""The result of one row, as lists, answers and downloads show it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

from enterprise.models import BulkJobRow

# A spreadsheet takes a text that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CSV_HEADER = (
    "position", "user_id", "email", "course_run_key", "license_uuid", "transaction_id", "activation_link", "state",
    "created", "enterprise_fulfillment_source_uuid", "reason_code", "reason_text",
)  # fmt: skip


class RowResult(NamedTuple):
    """What was asked for in a row, and what became of it; the fields are columns of `BulkJobRow`."""

    position: int
    given_user_id: int | None
    given_email: str
    account_id: int | None
    email: str
    course_run_key: str
    license_uuid: UUID | None
    transaction_id: UUID | None
    fulfillment_uuid: UUID
    activation_link: str | None
    state: str
    created: bool
    reason_code: str
    reason_text: str

    @property
    def address(self) -> str:
        """The e-mail that names the learner: the account's if the row gave an account, else as sent."""
        return self.email if self.given_user_id is not None else self.given_email


def row_as_json(row: RowResult) -> dict[str, Any]:
    """A row with its result. Rows that name nobody show what was sent."""
    found = row.state != BulkJobRow.State.INVALID
    succeeded = row.state == BulkJobRow.State.SUCCEEDED
    return {
        "position": row.position,
        "user_id": row.account_id if found and row.account_id is not None else row.given_user_id,
        "email": row.email if found else row.address,
        "course_run_key": row.course_run_key,
        "license_uuid": _text(row.license_uuid),
        "transaction_id": _text(row.transaction_id),
        "activation_link": row.activation_link,
        "state": row.state,
        "created": row.created,
        "enterprise_fulfillment_source_uuid": _text(row.fulfillment_uuid) if succeeded else None,
        "reason": {"code": row.reason_code, "text": row.reason_text} if row.reason_code else None,
    }


def row_as_cells(row: RowResult) -> list[Any]:
    """The same as cells under CSV_HEADER, with nothing that a spreadsheet would compute."""
    shown = row_as_json(row)
    reason = shown.pop("reason") or {"code": "", "text": ""}
    return [_cell(value) for value in (*shown.values(), reason["code"], reason["text"])]


def csv_lines(rows: Iterable[RowResult]) -> Iterator[str]:
    """A CSV file of these rows, line by line, the header first."""
    writer: Any = csv.writer(_Line())
    yield writer.writerow(CSV_HEADER)
    for row in rows:
        yield writer.writerow(row_as_cells(row))


class _Line:
    """What a csv.writer takes for a file: hands back the line."""

    def write(self, line: str) -> str:
        return line


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
