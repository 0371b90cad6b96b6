"""Bulk jobs of all customers, as the desk watches them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from enterprise.bulk.results import RowResult
from enterprise.models import BulkJob
from enterprise.queries.jobs import SHOWN_KINDS, row_results


def every_job(customer: str = "", state: str = "") -> QuerySet[BulkJob]:
    """The jobs that people asked for, the newest first, each with its customer and who asked.

    Args:
        customer: part of the customer's name or slug; empty: all.
        state: one of `BulkJob.State`; anything else: all.
    """
    jobs = BulkJob.objects.filter(kind__in=SHOWN_KINDS)
    if customer:
        named = Q(enterprise_customer__name__icontains=customer) | Q(enterprise_customer__slug__icontains=customer)
        jobs = jobs.filter(named)
    if state in BulkJob.State:
        jobs = jobs.filter(state=state)
    return jobs.select_related("enterprise_customer", "actor").order_by("-created", "-pk")


def job_named(uuid: UUID) -> BulkJob | None:
    """One of them."""
    return every_job().filter(pk=uuid).first()


def rows_after(job: BulkJob, position: int, state: str, number: int) -> list[RowResult]:
    """So many rows of a job that come after a position, in the order of the request."""
    rows: QuerySet[Any, Any] = row_results(job, state).filter(position__gt=position)
    return [RowResult._make(row) for row in rows[:number]]
