"""What the commands that work through many rows have in common."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from django.core.management.base import CommandParser

Result = TypeVar("Result")


def add_batch_arguments(parser: CommandParser, *, limit: int, sleep: float) -> None:
    """`--batch-limit`, `--batch-sleep` and `--dry-run`."""
    parser.add_argument(
        "--batch-limit",
        type=at_least_one,
        default=limit,
        help=f"How many rows one transaction changes (default {limit}).",
    )
    parser.add_argument(
        "--batch-sleep", type=float, default=sleep, help=f"Seconds to rest between two batches (default {sleep})."
    )
    add_dry_run(parser)


def add_dry_run(parser: CommandParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="Count what would change, and change nothing.")


def at_least_one(text: str) -> int:
    """A number of rows.

    Raises:
        ArgumentTypeError: it is no number, or less than one.
    """
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, at least 1")
    return int(text)


def with_rests(batches: Iterable[Result], seconds: float) -> Iterator[Result]:
    """The batches, with a rest after each, so that other writers get their turn."""
    for batch in batches:
        yield batch
        time.sleep(seconds)
