"""Works through the rows of a job in chunks that commit one by one (architecture: Bulk work).

A chunk claims waiting rows with their locks: whoever dies in the middle lets go of them, and they wait again. Rows
carry their own state, so working twice changes nothing the second time. Any number of processes may work on one job.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from config.db.passing import is_passing
from config.db.sets import Overtaken, insert_given
from enterprise.bulk import reasons
from enterprise.bulk.enrollment import EnrollmentWork
from enterprise.bulk.license_expiration import LicenseExpirationWork
from enterprise.bulk.pending_claim import PendingClaimWork
from enterprise.bulk.rows import Row, settle
from enterprise.bulk.single import SingleEnrollmentWork
from enterprise.bulk.staging import COLUMNS
from enterprise.bulk.unlink import UnlinkWork
from enterprise.models import BulkJob, BulkJobRow

logger = logging.getLogger(__name__)
TRIES = 3  # of one chunk, when the database could not carry it out at that moment
# PostgreSQL: serialization failure, deadlock, lock not available, server going down or coming up.


class Work(Protocol):
    """What a kind of job does with its rows."""

    def work(self, claimed: Sequence[Row]) -> Counter[str]:
        """Carries out rows inside the caller's transaction, writes their results, counts them by state."""

    def finish(self) -> None:
        """Called once, inside a transaction, after the last row."""


KINDS: dict[str, Callable[[BulkJob], Work]] = {
    BulkJob.Kind.ENROLLMENT: EnrollmentWork,
    BulkJob.Kind.PENDING_CLAIM: PendingClaimWork,
    BulkJob.Kind.SINGLE_ENROLLMENT: SingleEnrollmentWork,
    BulkJob.Kind.LICENSE_EXPIRATION: LicenseExpirationWork,
    BulkJob.Kind.UNLINK: UnlinkWork,
}


class _Busy(Exception):
    """Another process works on a job whose rows must be carried out in order."""


def work(job_id: UUID, seconds: float | None = None) -> bool:
    """Works on a job until it ends, nothing is left to claim, or the time is up.

    Args:
        seconds: when to stop; None: never.
    Returns:
        Whether there is more to do for this process.
    Raises:
        DatabaseError: the database failed again and again; the rows wait for the next sweep.
    """
    began = time.monotonic()
    if not _begin(job_id):
        return False
    engine = _Engine(job_id)
    while engine.goes_on():
        if not engine.next_chunk():
            engine.end()
            return False
        if seconds is not None and time.monotonic() - began >= seconds:
            return True
    return False


def work_at_once(job: BulkJob, staged: Sequence[tuple[Any, ...]]) -> bool:
    """Stores a new job with its rows and carries all of them out, in one transaction; sets what became of the job.

    Args:
        job: not stored yet.
        staged: its rows in the order of `staging.COLUMNS`.
    Returns:
        Whether that worked. Else nothing is stored: the job is to be stored first and worked on chunk by chunk, which
        waits where the database is busy, and finds the row that breaks.
    """
    if len(staged) > settings.BULK_JOB_CHUNK_SIZE:
        return False
    began = timezone.now()
    try:
        with transaction.atomic():
            # Rows come before their job, which is stored once, as it ends: keys are checked at the commit.
            stored = insert_given(BulkJobRow, COLUMNS, staged, returning=("position", "pk"))
            ids: dict[int, int] = dict(stored)
            kind = KINDS[job.kind](job)
            ended = kind.work([_staged_row(values, ids) for values in staged])
            kind.finish()
            job.state, job.done = BulkJob.State.FINISHED, ended.total()
            for state, number in ended.items():
                setattr(job, state, number)
            job.started_at, job.heartbeat_at = began, timezone.now()
            job.finished_at = job.heartbeat_at
            job.save(force_insert=True)
    except Exception:
        logger.exception("Bulk job %s: not carried out at once", job.pk)
        return False
    return True


def _staged_row(values: tuple[Any, ...], ids: Mapping[int, int]) -> Row:
    named = dict(zip(COLUMNS, values, strict=True))
    return Row(id=ids[named["position"]], **{name: named[name] for name in Row._fields if name in named})


def _begin(job_id: UUID) -> bool:
    """Sets a waiting job running. False if there is nothing to work on."""
    now = timezone.now()
    fresh = BulkJob.objects.filter(pk=job_id, state=BulkJob.State.QUEUED)
    fresh.update(state=BulkJob.State.RUNNING, started_at=Coalesce(F("started_at"), now), heartbeat_at=now)
    at_work = (BulkJob.State.RUNNING, BulkJob.State.CANCELLING)
    return BulkJob.objects.filter(pk=job_id, state__in=at_work).exists()


class _Engine:
    def __init__(self, job_id: UUID) -> None:
        self.job = BulkJob.objects.select_related("enterprise_customer").get(pk=job_id)
        self.kind = KINDS[self.job.kind](self.job)
        self.in_order = bool(self.job.options.get("in_order"))
        self.after = -1  # rows up to this position were claimed here before: spares the index its dead entries

    def goes_on(self) -> bool:
        """Reads between chunks whether the job still runs; a job that is to be cancelled is cancelled here."""
        state = BulkJob.objects.filter(pk=self.job.pk).values_list("state", flat=True).first()
        if state == BulkJob.State.CANCELLING:
            self._try(partial(cancel_waiting, self.job.pk))
            self.end()
        return state == BulkJob.State.RUNNING

    def next_chunk(self) -> bool:
        """Carries out one chunk. False when there is nothing (left) for this process."""
        self.claimed: list[int] = []
        error = self._failure(self._claim_and_work)
        if isinstance(error, _Busy):
            return False
        if error is not None:
            if not self.claimed:
                raise error
            self._find_broken(self.claimed, error)
        return bool(self.claimed)

    def _claim_and_work(self) -> None:
        with transaction.atomic():
            claimed = self._claim(settings.BULK_JOB_CHUNK_SIZE)
            self.claimed = [row.id for row in claimed]
            if claimed:
                self._count(self.kind.work(claimed))
        if claimed:
            self.after = claimed[-1].position

    def _claim(self, size: int, among: Sequence[int] | None = None) -> list[Row]:
        if self.in_order:
            # Held to the end of the chunk: one process at a time, and so the order of the request.
            jobs = BulkJob.objects.filter(pk=self.job.pk).select_for_update(skip_locked=True, no_key=True)
            if not jobs.values_list("pk"):
                raise _Busy
        rows = BulkJobRow.objects.filter(job=self.job, state=BulkJobRow.State.WAITING).order_by("position")
        waiting = rows.select_for_update(skip_locked=True).values_list(*Row._fields)
        if among is not None:
            return [Row._make(row) for row in waiting.filter(pk__in_set=among)]
        claimed = waiting.filter(position__gt=self.after)[:size]
        if not claimed and self.after >= 0:
            claimed = waiting[:size]
        return [Row._make(row) for row in claimed]

    def _count(self, ended: Counter[str]) -> None:
        """The chunk's last statement, because all processes at work on the job update this row."""
        counters = {state: F(state) + number for state, number in ended.items()}
        BulkJob.objects.filter(pk=self.job.pk).update(
            **counters, done=F("done") + ended.total(), heartbeat_at=timezone.now(), modified=timezone.now()
        )

    def _try(self, step: Callable[[], object]) -> None:
        """Does a step again when the database could not do it at that moment."""
        for attempt in range(1, TRIES + 1):
            try:
                step()
                return
            except (DatabaseError, InterfaceError, Overtaken) as error:
                if not is_passing(error) or attempt == TRIES:
                    raise
                logger.warning("Bulk job %s: chunk tried again: %s", self.job.pk, error)
                if not connection.in_atomic_block:
                    connection.close_if_unusable_or_obsolete()
                time.sleep(random.uniform(0.01, 0.1) * attempt)  # noqa: S311

    def _failure(self, step: Callable[[], object]) -> Exception | None:
        """Does a step. Returns what broke it; raises when the database is out of order, for no row is to blame then."""
        try:
            self._try(step)
        except Exception as error:
            if is_passing(error) and not isinstance(error, Overtaken):
                raise
            return error
        return None

    def _find_broken(self, row_ids: list[int], error: Exception) -> None:
        """Halves a chunk that broke until what breaks stands alone and fails; everything else is carried out."""
        if len(row_ids) == 1:
            if not isinstance(error, _Busy):
                logger.error("Bulk job %s: row %s broke", self.job.pk, row_ids[0], exc_info=error)
                self._give_up(row_ids[0])
            return
        middle = len(row_ids) // 2
        for half in (row_ids[:middle], row_ids[middle:]):
            broken = self._failure(partial(self._work_on, half))
            if broken is not None:
                self._find_broken(half, broken)

    def _work_on(self, row_ids: list[int]) -> None:
        with transaction.atomic():
            if claimed := self._claim(len(row_ids), among=row_ids):
                self._count(self.kind.work(claimed))

    def _give_up(self, row_id: int) -> None:
        with transaction.atomic():
            if self._claim(1, among=[row_id]):
                settle([row_id], BulkJobRow.State.FAILED, reason=reasons.INTERNAL_ERROR)
                self._count(Counter({BulkJobRow.State.FAILED.value: 1}))

    def end(self) -> None:
        """Ends the job if every row has its result; of several processes that see it, one does."""
        with transaction.atomic():
            done = BulkJob.objects.filter(pk=self.job.pk, done__gte=F("total"))
            now = timezone.now()
            finished = done.filter(state=BulkJob.State.RUNNING).update(
                state=BulkJob.State.FINISHED, finished_at=now, heartbeat_at=now, modified=now
            )
            cancelled = done.filter(state=BulkJob.State.CANCELLING).update(
                state=BulkJob.State.CANCELLED, finished_at=now, heartbeat_at=now, modified=now
            )
            if finished or cancelled:
                self.kind.finish()


def cancel_waiting(job_id: UUID) -> None:
    """Gives all rows that still wait the result `cancelled`; waits for chunks under way."""
    with transaction.atomic():
        waiting = BulkJobRow.objects.filter(job_id=job_id, state=BulkJobRow.State.WAITING)
        number = waiting.update(
            state=BulkJobRow.State.CANCELLED,
            reason_code=reasons.CANCELLED,
            reason_text=reasons.TEXTS[reasons.CANCELLED],
        )
        BulkJob.objects.filter(pk=job_id).update(
            cancelled=F("cancelled") + number, done=F("done") + number, heartbeat_at=timezone.now()
        )
