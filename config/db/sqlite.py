"""What SQLite must learn to compare texts as PostgreSQL does."""

from __future__ import annotations

from typing import Any

from django.db.backends.signals import connection_created
from django.dispatch import receiver


@receiver(connection_created, dispatch_uid="config.db.lower_all_letters")
def lower_all_letters(sender: Any, connection: Any, **kwargs: Any) -> None:
    """Its own `lower()` knows ASCII letters only; from here on it is Python's, in indexes too."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: Any) -> str | None:
    return None if value is None else str(value).lower()
