"""What batches of rows have in common: duplicates, rows that break, and when a batch is tried again.

Contract: program-enrollments, Write rules.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from django.db import connection, transaction

from config.db.passing import is_passing
from config.db.sets import Overtaken
from enterprise.queries.emails import lowered

DUPLICATED = "duplicated"
INVALID_STATUS = "invalid-status"
CONFLICT = "conflict"
NOT_IN_PROGRAM = "not-in-program"
NOT_FOUND = "not-found"
INTERNAL_ERROR = "internal-error"
ERRORS = frozenset({DUPLICATED, INVALID_STATUS, CONFLICT, NOT_IN_PROGRAM, NOT_FOUND, INTERNAL_ERROR})

LIMIT = 25
TRIES = 4

Row = Mapping[str, Any]
Words = dict[str, str]

logger = logging.getLogger(__name__)


class Write(Enum):
    """What a batch may do."""

    CREATE = "create"
    UPDATE = "update"
    CREATE_OR_UPDATE = "create or update"

    @property
    def creates(self) -> bool:
        return self is not Write.UPDATE

    @property
    def updates(self) -> bool:
        return self is not Write.CREATE


def carried_out(rows: Sequence[Row], work: Callable[[Sequence[Row]], Words]) -> Words:
    """What became of each key of a batch, spelled as in the request, in its order.

    Keys that come twice, whatever their case, are not worked on. A row that breaks the work breaks it for itself alone.

    Args:
        rows: each with `student_key`.
        work: one transaction over rows whose keys differ; says a word for each of them.
    Raises:
        DatabaseError: the database is out of order, so no row is to blame.
    """
    spellings = Counter(lowered(row["student_key"]) for row in rows)
    words = {row["student_key"]: DUPLICATED for row in rows}
    single = [row for row in rows if spellings[lowered(row["student_key"])] == 1]
    if single:
        words.update(_isolated(single, work))
    return words


def _isolated(rows: Sequence[Row], work: Callable[[Sequence[Row]], Words]) -> Words:
    """The work, in halves where it broke, until what breaks stands alone."""
    try:
        return _tried(rows, work)
    except Exception as error:
        if is_passing(error) and not isinstance(error, Overtaken):
            raise
        if len(rows) == 1:
            logger.exception("the row of student %r broke", rows[0]["student_key"])
            return {rows[0]["student_key"]: INTERNAL_ERROR}
    middle = len(rows) // 2
    return {**_isolated(rows[:middle], work), **_isolated(rows[middle:], work)}


def _tried(rows: Sequence[Row], work: Callable[[Sequence[Row]], Words]) -> Words:
    """The work, tried again when another writer was faster."""
    for attempt in range(1, TRIES):
        try:
            with transaction.atomic():
                return work(rows)
        except Exception as error:
            if not is_passing(error):
                raise
            logger.warning("a batch is tried again: %s", error)
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            time.sleep(random.uniform(0.01, 0.1) * attempt)  # noqa: S311
    with transaction.atomic():
        return work(rows)


def outcome(words: Iterable[str]) -> int:
    """The status of the answer that consists of these words."""
    said = set(words)
    if not said:
        return 204
    failed = said & ERRORS
    if not failed:
        return 200
    return 422 if failed == said else 207
