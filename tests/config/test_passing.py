"""Which errors of the database pass by themselves: work waits for them rather than fail."""

from __future__ import annotations

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from config.db.passing import is_passing
from config.db.sets import Overtaken

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="codes are PostgreSQL's")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="texts are SQLite's")


def error(cause: psycopg.Error) -> OperationalError:
    problem = OperationalError(str(cause))
    problem.__cause__ = cause
    return problem


@on_postgresql
@pytest.mark.parametrize(
    "cause",
    [
        psycopg.errors.ConnectionException(),
        psycopg.errors.DiskFull(),
        psycopg.errors.OutOfMemory(),
        psycopg.errors.TooManyConnections(),
        psycopg.errors.AdminShutdown(),
        psycopg.errors.CrashShutdown(),
        psycopg.errors.CannotConnectNow(),
        psycopg.errors.DeadlockDetected(),
        psycopg.OperationalError("connection refused"),
    ],
)
def test_a_server_that_is_away_or_full_comes_back(cause: psycopg.Error) -> None:
    assert is_passing(error(cause))


@on_postgresql
def test_a_statement_that_was_cancelled_is_to_blame_itself() -> None:
    assert not is_passing(error(psycopg.errors.QueryCanceled()))


@on_sqlite
@pytest.mark.parametrize(
    ("text", "passes"),
    [("database is locked", True), ("database or disk is full", True), ("no such table: x", False)],
)
def test_a_file_that_is_locked_or_finds_no_room_passes(text: str, passes: bool) -> None:
    assert is_passing(OperationalError(text)) is passes


def test_what_the_database_layer_calls_a_broken_connection_passes_and_a_bug_does_not() -> None:
    assert is_passing(InterfaceError("connection already closed"))
    assert is_passing(Overtaken())
    assert not is_passing(ProgrammingError("syntax error"))
    assert not is_passing(ValueError("x"))
