"""Errors of the database that pass by themselves."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError, connection

from config.db.sets import Overtaken

_PASSING_STATES = ("40001", "40P01", "55P03", "57P01", "57P02", "57P03")
_PASSING_CLASSES = ("08", "53")  # the connection broke; the server ran out of connections, memory or disk
_PASSING_WORDS = ("locked", "busy", "disk is full")  # SQLite has no codes here


def is_passing(error: BaseException) -> bool:
    """Whether the database could not do it at that moment, but may the next time."""
    if isinstance(error, Overtaken | InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if connection.vendor == "sqlite":
        return any(word in str(error) for word in _PASSING_WORDS)
    return state is None or state in _PASSING_STATES or state.startswith(_PASSING_CLASSES)
