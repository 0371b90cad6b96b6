"""Bulk jobs and the results of their rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, QuerySet

from enterprise.bulk.results import RowResult
from enterprise.models import BulkJob, BulkJobRow, EnterpriseCustomer

READ_AT_ONCE = 2_000  # rows


def enrollment_jobs(customer: EnterpriseCustomer) -> QuerySet[BulkJob]:
    """The bulk enrollments among `shown_jobs`."""
    return shown_jobs(customer).filter(kind=BulkJob.Kind.ENROLLMENT)


# What people asked for; the other kinds come about by themselves.
SHOWN_KINDS = (BulkJob.Kind.ENROLLMENT, BulkJob.Kind.LICENSE_EXPIRATION, BulkJob.Kind.UNLINK)


def shown_jobs(customer: EnterpriseCustomer) -> QuerySet[BulkJob]:
    """The jobs that were asked for in the customer's name, the newest first, each with who asked."""
    jobs = BulkJob.objects.filter(enterprise_customer=customer, kind__in=SHOWN_KINDS)
    return jobs.select_related("actor").order_by("-created", "-pk")


def row_results(job: BulkJob, state: str = "") -> QuerySet[BulkJobRow, Any]:
    """`RowResult`s as plain tuples, in the order of the request.

    Args:
        state: one of `BulkJobRow.State`; empty: all.
    """
    rows = BulkJobRow.objects.filter(job=job).order_by("position")
    return (rows.filter(state=state) if state else rows).values_list(*RowResult._fields)


def every_row_result(job: BulkJob, state: str = "") -> Iterator[RowResult]:
    """The same for reading through: in bounded memory, and without a cursor that stays open during a download."""
    rows, last = row_results(job, state), -1
    while page := [RowResult._make(row) for row in rows.filter(position__gt=last)[:READ_AT_ONCE]]:
        yield from page
        if len(page) < READ_AT_ONCE:
            return
        last = page[-1].position


def reasons_of(job: BulkJob) -> list[tuple[str, str, int]]:
    """Why rows were not carried out: code, text and number of rows, the most frequent first."""
    rows = BulkJobRow.objects.filter(job=job).exclude(state=BulkJobRow.State.SUCCEEDED)
    failed = rows.exclude(reason_code="").order_by()
    counted = failed.values_list("reason_code", "reason_text").annotate(number=Count("pk"))
    return sorted(counted, key=lambda reason: (-reason[2], reason[0]))


def row_count(job: BulkJob, state: str = "") -> int:
    """How many rows `row_results` has, from the job's own counters: no row is read."""
    if not state:
        return job.total
    if state == BulkJobRow.State.WAITING:
        return job.total - job.done
    number: int = getattr(job, state)
    return number
