"""Prepared statements of PostgreSQL, which Django's own cursors do without."""

from __future__ import annotations

from typing import Any, Self

import psycopg

KEPT = 500  # statements of one connection; beyond that the one unused for longest is forgotten


class PreparingCursor(psycopg.RawCursor[tuple[Any, ...]]):
    """Has the server read and plan each statement once per connection; parameters are `$1`, `$2` ... in its text.

    `prepares` false: plan each time, for the values of this call.

    On connections whose `prepare_threshold` is None (setting DATABASE_PREPARED_STATEMENTS) nothing stays prepared.
    """

    prepares = True

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        self.connection.prepared_max = KEPT
        # A number's type would follow its size, and each type would be a statement of its own.
        texts = [str(each) if type(each) is int else each for each in params or ()]
        return super().execute(query, texts, prepare=self.prepares, **options)

    def _send_query_prepared(self, name: bytes, pgq: Any, **options: Any) -> None:
        self._query = pgq  # the driver leaves it empty here; Django reads the text of what ran from it
        super()._send_query_prepared(name, pgq, **options)
