"""Rows of a bulk job: as they come in, as a chunk holds them, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from config.db.sets import update_from
from enterprise.bulk import reasons
from enterprise.models import BulkJobRow

State = BulkJobRow.State


@dataclass(frozen=True, slots=True)
class RowInput:
    """One requested enrollment, checked for form but not for sense (contract: enterprise-learners, bulk enrollment).

    Args:
        user_id: account id; None if the row names its learner by e-mail.
        email: as sent, trimmed; empty: none.
        course_run_key: as sent, trimmed.
        license_uuid, transaction_id: what pays for it; at most one.
        activation_link: link of the row's mail; None: the usual one.
        force_enrollment: closed runs may be entered.
        is_default_auto_enrollment: the enrollment realizes a default intention of the customer.
    """

    user_id: int | None
    email: str
    course_run_key: str
    license_uuid: UUID | None = None
    transaction_id: UUID | None = None
    activation_link: str | None = None
    force_enrollment: bool = False
    is_default_auto_enrollment: bool = False


class Row(NamedTuple):
    """A claimed row; the fields are columns of `BulkJobRow`."""

    id: int
    position: int
    given_user_id: int | None
    given_email: str
    account_id: int | None
    email: str
    course_run_key: str
    course_mode: str
    license_uuid: UUID | None
    transaction_id: UUID | None
    fulfillment_uuid: UUID
    force_enrollment: bool
    is_default_auto_enrollment: bool


class Results:
    """What became of the rows of a chunk, written with one statement per distinct outcome."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, bool, str], list[int]] = {}
        self._fulfillments: list[tuple[int, UUID]] = []
        self._texts: list[tuple[int, str]] = []
        self.created: list[int] = []

    def succeeded(self, row: Row, *, created: bool, fulfillment_uuid: UUID | None = None) -> None:
        """The learner is enrolled; `fulfillment_uuid` if it is not the one drawn for the row."""
        self._add(row, State.SUCCEEDED, created)
        if fulfillment_uuid is not None and fulfillment_uuid != row.fulfillment_uuid:
            self._fulfillments.append((row.id, fulfillment_uuid))

    def pending(self, row: Row, *, created: bool) -> None:
        """The enrollment waits for an account."""
        self._add(row, State.PENDING, created)

    def failed(self, row: Row, reason: str, text: str = "") -> None:
        """The row was refused; `text` if the reason's usual sentence does not say it."""
        self._add(row, State.FAILED, False, reason)
        if text:
            self._texts.append((row.id, text))

    def invalid(self, row: Row, reason: str) -> None:
        """The row names nobody who could be enrolled."""
        self._add(row, State.INVALID, False, reason)

    def _add(self, row: Row, state: State, created: bool, reason: str = "") -> None:
        self._rows.setdefault((state.value, created, reason), []).append(row.id)
        if created:
            self.created.append(row.id)

    def write(self) -> None:
        """Stores the outcomes. Statements: one per distinct outcome, one for fulfillments that were there before,
        one for refusals in words of their own."""
        for (state, created, reason), ids in self._rows.items():
            settle(ids, state, created=created, reason=reason)
        update_from(BulkJobRow, ("id", "fulfillment_uuid"), self._fulfillments)
        update_from(BulkJobRow, ("id", "reason_text"), self._texts)

    def counts(self) -> Counter[str]:
        """How many rows ended in each state."""
        counted: Counter[str] = Counter()
        for (state, _, _), ids in self._rows.items():
            counted[state] += len(ids)
        return counted


def settle(ids: Iterable[int], state: str, *, created: bool = False, reason: str = "") -> None:
    """Gives rows their result."""
    BulkJobRow.objects.filter(pk__in_set=list(ids)).update(
        state=state, created=created, reason_code=reason, reason_text=reasons.TEXTS.get(reason, "")
    )
