"""Enrollments set back to a backup: a CSV file of learners, runs, modes and activity.

Contract: enterprise-learners, Background work.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from django.conf import settings
from django.db import transaction

from config.db import sets  # noqa: F401  (registers the look-up `in_set`)
from config.db.history import acting_account_id
from config.db.sets import in_chunks
from enrollments.course_keys import is_run_key
from enrollments.models import User
from enrollments.services.restore import LearnerRun, State, restore
from enterprise.services.csv_files import MAX_ERRORS, Unreadable, encoding_of, error, opened, read_lines, refusal

NEEDED = ("course_run_key", "mode", "is_active")
LEARNER = ("user_id", "username")
TRUTH = {"true": True, "t": True, "1": True, "yes": True, "false": False, "f": False, "0": False, "no": False}
LONGEST_ID = 18  # digits

_mode = re.compile(r"[A-Za-z0-9_-]{1,100}")


class _Line(NamedTuple):
    number: int
    user_id: int | None
    username: str
    run_key: str
    state: State


@dataclass(frozen=True, slots=True)
class Backup:
    """What a file says.

    Args:
        states: how each enrollment was.
        unknown: how many lines name an account that does not exist.
    """

    states: dict[LearnerRun, State]
    unknown: int


@dataclass(slots=True)
class Summary:
    """How many enrollments were changed, how many were so already, how many do not exist."""

    changed: int = 0
    unchanged: int = 0
    unknown: int = 0


def read(file: IO[bytes]) -> Backup:
    """The backup in a CSV file with the columns `user_id` or `username`, `course_run_key`, `mode` and `is_active`.

    Other columns are passed over. One statement for every thousand user names.

    Raises:
        Refusal: 400 with `errors`: something in the file cannot be used, or two of its lines contradict each other.
    """
    errors: list[dict[str, Any]] = []
    text = opened(file, encoding_of(file))
    try:
        lines = list(_lines(read_lines(text, errors), errors))
    except Unreadable:
        lines = []
    finally:
        text.detach()
    if not errors and not lines:
        errors.append(error(1, None, "The file has no rows."))
    if errors:
        raise refusal(errors)
    ids = _account_ids({line.username for line in lines if line.user_id is None})
    states: dict[LearnerRun, State] = {}
    unknown = 0
    for line in lines:
        user_id = line.user_id if line.user_id is not None else ids.get(line.username)
        if user_id is None:
            unknown += 1
        elif states.setdefault((user_id, line.run_key), line.state) != line.state:
            errors.append(error(line.number, None, "An earlier line says otherwise of this enrollment."))
    if errors:
        raise refusal(errors)
    return Backup(states, unknown)


def revert(backup: Backup, *, dry_run: bool = False) -> Summary:
    """Sets plain enrollments back, chunk by chunk, each in a transaction of its own; repeating it changes nothing.

    Enterprise enrollments follow: flags of what became active are cleared, those of what became inactive are set and
    what pays for it is revoked. Fulfillments that were revoked stay so.

    Args:
        dry_run: only count.
    """
    summary = Summary(unknown=backup.unknown)
    for chunk in in_chunks(backup.states.items(), settings.BULK_JOB_CHUNK_SIZE):
        with transaction.atomic():
            done = restore(dict(chunk), user_id=acting_account_id(), reason="reverted to a backup", dry_run=dry_run)
        summary.changed += len(done.changes)
        summary.unknown += done.unknown
        summary.unchanged += len(chunk) - len(done.changes) - done.unknown
    return summary


def _lines(rows: Iterator[tuple[int, list[str]]], errors: list[dict[str, Any]]) -> Iterator[_Line]:
    header = next(rows, None)
    if header is None:
        return
    number, cells = header
    names = [cell.lower() for cell in cells]
    missing = [name for name in NEEDED if name not in names]
    if not any(name in names for name in LEARNER):
        missing.append(" or ".join(LEARNER))
    errors += [error(number, name, "The column is missing.") for name in missing]
    errors += [
        error(number, name, "The column appears twice.") for name in (*NEEDED, *LEARNER) if names.count(name) > 1
    ]
    if errors:
        raise Unreadable
    for count, (number, cells) in enumerate(rows, 1):
        if count > settings.BULK_JOB_MAX_ROWS:
            errors.append(error(number, None, f"The file has more than {settings.BULK_JOB_MAX_ROWS} rows."))
        if len(errors) >= MAX_ERRORS or count > settings.BULK_JOB_MAX_ROWS:
            raise Unreadable
        line = _line(number, dict(zip(names, cells, strict=False)), errors)
        if line is not None:
            yield line


def _line(number: int, cells: dict[str, str], errors: list[dict[str, Any]]) -> _Line | None:
    """What a line says; None when some of it cannot be used, and stands among the errors."""
    user_id, username, run_key, mode, activity = (
        cells.get(name, "") for name in ("user_id", "username", "course_run_key", "mode", "is_active")
    )
    is_active = TRUTH.get(activity.lower())
    wrong = []
    if user_id and not (user_id.isascii() and user_id.isdigit() and len(user_id) <= LONGEST_ID):
        wrong.append(error(number, "user_id", "Not an account id."))
    if (not user_id and not username) or "\0" in username:
        wrong.append(error(number, " or ".join(LEARNER), "The learner is missing."))
    if not is_run_key(run_key):
        wrong.append(error(number, "course_run_key", "Not the key of a course run."))
    if not _mode.fullmatch(mode):
        wrong.append(error(number, "mode", "Not a mode."))
    if is_active is None:
        wrong.append(error(number, "is_active", "Neither true nor false."))
    errors += wrong
    if wrong or is_active is None:
        return None
    return _Line(number, int(user_id) if user_id else None, username, run_key, State(mode, is_active))


def _account_ids(usernames: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in in_chunks(sorted(usernames), 1_000):
        found.update(User.objects.filter(username__in_set=chunk).order_by().values_list("username", "pk"))
    return found
