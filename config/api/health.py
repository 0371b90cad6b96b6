"""Whether the service can work: what the readiness check asks (contract: settings, "readiness check 503")."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

logger = logging.getLogger(__name__)

OK = "ok"
BROKER_SECONDS = 2


def readiness() -> dict[str, str]:
    """What each part of the service says: `ok`, or `failed` (the log says why)."""
    return {name: _outcome(name, check) for name, check in CHECKS.items()}


def _outcome(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except Exception:
        logger.exception("the readiness check of the %s failed", name)
        return "failed"
    return OK


def check_database() -> None:
    """Every configured database answers."""
    for alias in connections:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")


def check_cache() -> None:
    """The cache keeps what it is given."""
    key, value = "readiness", uuid.uuid4().hex
    cache.set(key, value, timeout=10)
    if cache.get(key) is None:
        raise RuntimeError("the cache forgot a value at once")


def check_broker() -> None:
    """The broker takes connections; without one tasks run in the process, and there is nothing to ask."""
    if not settings.CELERY_BROKER_URL:
        return
    with current_app.connection_for_write(connect_timeout=BROKER_SECONDS) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)


class MigrationCheck:
    """No migration waits. Reading all of them is slow: once none waits, that stays so for this process."""

    def __init__(self) -> None:
        self.all_applied = False

    def __call__(self) -> None:
        if self.all_applied:
            return
        executor = MigrationExecutor(connections["default"])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise RuntimeError("migrations wait: run manage.py migrate")
        self.all_applied = True


check_migrations = MigrationCheck()
CHECKS: dict[str, Callable[[], None]] = {
    "database": check_database,
    "cache": check_cache,
    "broker": check_broker,
    "migrations": check_migrations,
}
