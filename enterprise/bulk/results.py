"""The result of one row, as lists, answers and downloads show it."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


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
