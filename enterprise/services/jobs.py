"""Bulk jobs from their creation to their end (architecture: Bulk work).

A job is committed before its rows, so that the row of a repeated request is found and a process that dies while it
stores rows leaves something to clear up. `run` works in this process, `start` hands the job to the workers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from enrollments.models import User
from enterprise.bulk import engine, reasons, staging
from enterprise.bulk.rows import RowInput
from enterprise.models import BulkJob, BulkJobRow, EnterpriseCustomer

ENDED = (BulkJob.State.FINISHED, BulkJob.State.CANCELLED)
AT_WORK = (BulkJob.State.QUEUED, BulkJob.State.RUNNING, BulkJob.State.CANCELLING)
PRUNE_BATCH = 50  # jobs


def create(
    customer: EnterpriseCustomer,
    actor: User | None,
    rows: Iterable[RowInput],
    *,
    notify: bool,
    discount: Decimal,
    idempotency_key: str = "",
    body_hash: str = "",
) -> BulkJob:
    """Stores a job with its rows, ready to be worked on.

    Args:
        customer: whom the enrollments are for.
        actor: who asks; stands in the history.
        rows: read once, in batches; a generator keeps memory bounded.
        notify: whether learners who are newly enrolled get a mail.
        discount: percentage kept with pending enrollments.
        idempotency_key, body_hash: of the request; empty: none.
    Raises:
        IntegrityError: this customer and actor have a job with that key. Nothing was stored.
    """
    with transaction.atomic():
        job = BulkJob.objects.create(
            kind=BulkJob.Kind.ENROLLMENT,
            enterprise_customer=customer,
            actor=actor,
            options={"notify": notify, "discount": str(discount)},
            idempotency_key=idempotency_key,
            body_hash=body_hash,
            heartbeat_at=timezone.now(),
        )
    try:
        staging.store(job, rows)
        job.state = BulkJob.State.QUEUED
        job.heartbeat_at = timezone.now()
        job.save(update_fields=["state", "options", "heartbeat_at"])
    except BaseException:
        job.delete()
        raise
    return job


def run(job: BulkJob) -> BulkJob:
    """Works a job to its end in this process, and returns it as it is then."""
    engine.work(job.pk)
    return BulkJob.objects.select_related("enterprise_customer").get(pk=job.pk)


def start(job: BulkJob) -> None:
    """Hands a job to the workers once the current transaction commits."""
    from enterprise.tasks import run_bulk_job

    def queue() -> None:
        for _ in range(settings.BULK_JOB_WORKERS):
            run_bulk_job.delay(str(job.pk))

    # A queue that cannot be reached does not fail the caller: the next sweep finds the job.
    transaction.on_commit(queue, robust=True)


def work_slice(job_id: UUID | str) -> None:
    """A worker's turn: works for a while, then goes to the back of the queue, so that other tasks get theirs."""
    from enterprise.tasks import run_bulk_job

    if engine.work(UUID(str(job_id)), settings.BULK_JOB_SLICE_SECONDS):
        run_bulk_job.delay(str(job_id))


def cancel(job: BulkJob) -> BulkJob:
    """Has a job stop after the chunks under way; rows that still wait become `cancelled`. What has ended stays so."""
    stopped = BulkJob.objects.filter(pk=job.pk, state__in=(BulkJob.State.QUEUED, BulkJob.State.RUNNING))
    if stopped.update(state=BulkJob.State.CANCELLING, modified=timezone.now()):
        start(job)
    job.refresh_from_db()
    return job


def retry(job: BulkJob) -> BulkJob:
    """Puts the failed rows of a job that ended back to work; without any, the job stays as it is."""
    with transaction.atomic():
        held = BulkJob.objects.select_for_update().get(pk=job.pk)
        failed = held.rows.filter(state=BulkJobRow.State.FAILED)
        if held.state in ENDED and (
            number := failed.update(state=BulkJobRow.State.WAITING, reason_code="", reason_text="")
        ):
            if held.kind == BulkJob.Kind.ENROLLMENT:
                staging.renew(held)
            held.state = BulkJob.State.QUEUED
            held.failed -= number
            held.done -= number
            held.attempt += 1
            held.finished_at = None
            held.heartbeat_at = timezone.now()
            held.save()
            start(held)
    job.refresh_from_db()
    return job


def sweep() -> None:
    """Looks after jobs that fell silent: hands them to workers again, or clears away what was never submitted."""
    silent = BulkJob.objects.filter(
        Q(heartbeat_at__isnull=True)
        | Q(heartbeat_at__lt=timezone.now() - timedelta(seconds=settings.BULK_JOB_STALE_SECONDS))
    )
    for job in silent.filter(state__in=AT_WORK):
        # The new heartbeat keeps the next sweep from queueing the job again while it waits for a worker.
        BulkJob.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now())
        start(job)
    for job in silent.filter(state=BulkJob.State.STAGING):
        _clear_away(job)


def _clear_away(job: BulkJob) -> None:
    """Cancels a job whose request died while it stored rows; its key is free again, for the request to be repeated."""
    with transaction.atomic():
        held = BulkJob.objects.select_for_update().filter(pk=job.pk, state=BulkJob.State.STAGING).first()
        if held is None:
            return
        number = held.rows.filter(state=BulkJobRow.State.WAITING).update(
            state=BulkJobRow.State.CANCELLED,
            reason_code=reasons.NOT_SUBMITTED,
            reason_text=reasons.TEXTS[reasons.NOT_SUBMITTED],
        )
        now = timezone.now()
        BulkJob.objects.filter(pk=job.pk).update(
            state=BulkJob.State.CANCELLED,
            idempotency_key="",
            cancelled=F("cancelled") + number,
            done=F("done") + number,
            finished_at=now,
            heartbeat_at=now,
            modified=now,
        )


def prune() -> int:
    """Deletes jobs that ended longer ago than the retention says, with their rows. Returns how many."""
    limit = timezone.now() - timedelta(days=settings.BULK_JOB_RETENTION_DAYS)
    old = BulkJob.objects.filter(state__in=ENDED, finished_at__lt=limit).order_by("finished_at")
    deleted = 0
    while ids := list(old.values_list("pk", flat=True)[:PRUNE_BATCH]):
        with transaction.atomic():
            BulkJobRow.objects.filter(job_id__in=ids).delete()
            BulkJob.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted
