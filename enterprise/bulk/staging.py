"""Stores the rows of a job: learners and modes resolved batch by batch, in bounded memory however many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from config.db.sets import analyze, in_chunks, insert_rows
from enrollments.course_keys import MAX_LENGTH as MAX_KEY_LENGTH
from enrollments.models import User
from enrollments.queries.course_modes import best_mode
from enrollments.services import bulk as enrollments
from enterprise.bulk import reasons
from enterprise.bulk.rows import RowInput
from enterprise.models import BulkJob, BulkJobRow
from enterprise.queries.emails import accounts_with, lowered

BATCH_SIZE = 1_000
ANALYZE_FROM = 10_000  # rows; below, the planner's guess is good enough
MAX_EMAIL_LENGTH = 254
CUT = "…"  # at the end of what was cut
State = BulkJobRow.State

COLUMNS = (
    "job_id",
    "position",
    "given_user_id",
    "given_email",
    "account_id",
    "email",
    "course_run_key",
    "course_mode",
    "license_uuid",
    "transaction_id",
    "fulfillment_uuid",
    "activation_link",
    "force_enrollment",
    "is_default_auto_enrollment",
    "state",
    "created",
    "reason_code",
    "reason_text",
)


def store(job: BulkJob, inputs: Iterable[RowInput]) -> None:
    """Stores the rows in batches, each in a transaction of its own; the job's heartbeat says that it goes on.

    Rows that name nobody (unknown id, malformed address) are stored with that result; the others wait.
    """
    runs: dict[str, str] = {}
    total = invalid = 0
    for batch in in_chunks(inputs, BATCH_SIZE):
        _learn_modes(runs, batch)
        rows = list(_rows(job, batch, runs, total))
        invalid += sum(row[14] == State.INVALID for row in rows)
        total += len(rows)
        with transaction.atomic():
            insert_rows(BulkJobRow, COLUMNS, rows)
            BulkJob.objects.filter(pk=job.pk).update(
                total=total, done=invalid, invalid=invalid, heartbeat_at=timezone.now()
            )
    if total >= ANALYZE_FROM:
        analyze(BulkJobRow)
    job.total, job.done, job.invalid = total, invalid, invalid
    job.options = {**job.options, "in_order": _needs_order(job, list(runs))}


def renew(job: BulkJob) -> None:
    """Computes the modes of waiting rows anew: before failed rows are tried again."""
    waiting = job.rows.filter(state=State.WAITING)
    keys = list(waiting.order_by().values_list("course_run_key", flat=True).distinct())
    by_mode: dict[str, list[str]] = {}
    for key, mode in best_mode(keys).items():
        by_mode.setdefault(mode, []).append(key)
    for mode, of_mode in by_mode.items():
        waiting.filter(course_run_key__in_set=of_mode).exclude(course_mode=mode).update(course_mode=mode)


def _learn_modes(runs: dict[str, str], batch: Sequence[RowInput]) -> None:
    """Adds the best modes of runs that were not met before."""
    unknown = {_stored_key(given.course_run_key) for given in batch} - runs.keys()
    if unknown:
        runs |= best_mode(unknown)


def _stored_key(key: str) -> str:
    """The key as a row holds it: one that is too long is cut and marked, so that it stays no key."""
    return key if len(key) <= MAX_KEY_LENGTH else f"{key[: MAX_KEY_LENGTH - 1]}{CUT}"


def is_cut(key: str) -> bool:
    """Whether a row's key is what was left of one that was too long to be stored."""
    return len(key) == MAX_KEY_LENGTH and key.endswith(CUT)


def _rows(job: BulkJob, batch: Sequence[RowInput], runs: dict[str, str], first: int) -> Iterator[tuple[object, ...]]:
    ids = {given.user_id for given in batch if given.user_id is not None}
    by_id = dict(User.objects.filter(pk__in_set=ids).values_list("id", "email")) if ids else {}
    by_email = accounts_at({given.email for given in batch if given.user_id is None})
    for position, given in enumerate(batch, first):
        code = ""
        account_id: int | None
        if given.user_id is not None:
            account_id, email = (
                (given.user_id, by_id[given.user_id]) if given.user_id in by_id else (None, given.email.lower())
            )
            code = reasons.UNKNOWN_USER_ID if account_id is None else ""
        else:
            code = "" if is_address(given.email) else reasons.INVALID_EMAIL
            account_id, email = (not code and by_email.get(lowered(given.email))) or (None, given.email.lower())
        key = _stored_key(given.course_run_key)
        yield (
            job.pk,
            position,
            given.user_id,
            given.email,
            account_id,
            email[:MAX_EMAIL_LENGTH],
            key,
            runs[key],
            given.license_uuid,
            given.transaction_id,
            uuid4(),
            given.activation_link,
            given.force_enrollment,
            given.is_default_auto_enrollment,
            State.INVALID.value if code else State.WAITING.value,
            False,
            code,
            reasons.TEXTS.get(code, ""),
        )


def accounts_at(emails: Collection[str]) -> dict[str, tuple[int, str]]:
    """Id and stored address of the accounts with these addresses, by lower-cased address."""
    if not emails:
        return {}
    # The unique index on addresses leaves out empty ones, and serves only those who do so, too.
    found = accounts_with(emails).exclude(email="").values_list("lowered", "id", "email")
    return {address: (account_id, email) for address, account_id, email in found}


def is_address(text: str) -> bool:
    """Whether a text is an e-mail address that can be stored."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= MAX_EMAIL_LENGTH


def _needs_order(job: BulkJob, run_keys: list[str]) -> bool:
    """Whether results depend on the order of rows: a learner named twice for one run, or runs with limited seats."""
    if enrollments.capped(run_keys):
        return True
    twice = job.rows.order_by().values("email", "course_run_key").annotate(times=Count("id")).filter(times__gt=1)
    return twice.exists()
