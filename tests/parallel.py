"""Calls that run at the same time, for what must hold when two writers meet."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import close_old_connections, connection, connections

concurrent_writers = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time: run with DATABASE_URL of PostgreSQL"
)


def at_once(*calls: Callable[[], object]) -> list[BaseException]:
    """Runs calls in threads that start together; returns what they raised. For tests with `transaction=True`."""
    raised: list[BaseException] = []
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        close_old_connections()
        barrier.wait(timeout=20)
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - the test looks at all of them
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return raised
