"""Tracking lines: what happened to learners, as structured log lines (contract: enrollment-api, Background work)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import structlog
from django.db import transaction

from config.hooks import is_quiet

log = structlog.get_logger("matricula.tracking")


class Line(NamedTuple):
    """One event: its name in the contract and what it says. No e-mail address and no name of a person."""

    event: str
    data: dict[str, Any]


def emit(lines: Iterable[Line]) -> None:
    """Writes the lines in their order once the change they speak of is committed. A failure is logged and swallowed."""
    kept = list(lines)
    if not kept or is_quiet():
        return

    def write() -> None:
        for line in kept:
            log.info(line.event, **line.data)

    transaction.on_commit(write, robust=True)
