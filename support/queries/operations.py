"""What an operator looks for first: jobs, mails, customers by size, sign-ins, the latest changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, Model
from django.utils import timezone

from enrollments.models import OutboxMessage, SignIn
from enterprise.models import BulkJob, EnterpriseCourseEnrollment, EnterpriseCustomer, EnterpriseCustomerUser

UNFINISHED = (BulkJob.State.STAGING, BulkJob.State.QUEUED, BulkJob.State.RUNNING, BulkJob.State.CANCELLING)
IN_TROUBLE = (OutboxMessage.State.UNKNOWN, OutboxMessage.State.DEAD, OutboxMessage.State.FAILED)


def unfinished_jobs(limit: int) -> tuple[list[BulkJob], int]:
    """Bulk jobs that are not through, the latest first, and how many there are in all; two statements."""
    jobs = BulkJob.objects.filter(state__in=UNFINISHED)
    return list(jobs.select_related("enterprise_customer", "actor").order_by("-created", "-pk")[:limit]), jobs.count()


def ended_jobs(limit: int) -> list[BulkJob]:
    """The bulk jobs that ended last."""
    jobs = BulkJob.objects.filter(state__in=[BulkJob.State.FINISHED, BulkJob.State.CANCELLED])
    return list(jobs.select_related("enterprise_customer", "actor").order_by("-created", "-pk")[:limit])


def mails_in_trouble(limit: int) -> tuple[list[OutboxMessage], dict[str, int]]:
    """Mails in doubt, given up or failed, the latest first, and how many of each there are; two statements."""
    mails = OutboxMessage.objects.filter(state__in=IN_TROUBLE)
    numbers = dict(mails.order_by().values_list("state").annotate(number=Count("pk")))
    return list(mails.order_by("-id")[:limit]), {state: numbers.get(state, 0) for state in IN_TROUBLE}


@dataclass(frozen=True)
class CustomerSize:
    """A customer with the numbers of its linked learners and its enterprise enrollments."""

    customer: EnterpriseCustomer
    learners: int
    enrollments: int


def customers_by_size(limit: int) -> list[CustomerSize]:
    """The customers with most learners, inactive ones too; three statements."""
    links = EnterpriseCustomerUser.objects.filter(linked=True).order_by()
    counted = links.values_list("enterprise_customer_id").annotate(number=Count("pk"))
    learners = dict(counted.order_by("-number", "enterprise_customer_id")[:limit])
    customers = EnterpriseCustomer.all_objects.in_bulk(learners)
    rows = EnterpriseCourseEnrollment.all_objects.filter(enterprise_customer__in=list(learners)).order_by()
    enrollments = dict(rows.values_list("enterprise_customer_id").annotate(number=Count("pk")))
    return [CustomerSize(customers[pk], number, enrollments.get(pk, 0)) for pk, number in learners.items()]


def sign_ins_by_day(days: int) -> dict[date, int]:
    """How many accounts signed in on each of the last days (UTC), today included; one statement."""
    today = timezone.now().astimezone(UTC).date()
    wanted = [today - timedelta(days=back) for back in reversed(range(days))]
    rows = SignIn.objects.filter(day__gte=wanted[0]).order_by()
    numbers = dict(rows.values_list("day").annotate(number=Count("pk")))
    return {day: numbers.get(day, 0) for day in wanted}


@dataclass(frozen=True)
class Change:
    """A row of a history table: which object was changed how, when and by whom.

    Args:
        kind: `+`, `~` or `-`.
        name: what the object is called, as far as its own columns tell.
        by: a user name, or nothing.
    """

    model: type[Model]
    pk: Any
    kind: str
    name: str
    at: datetime
    by: str


def latest_changes(models: Iterable[tuple[type[Model], str]], limit: int) -> list[Change]:
    """The latest changes among all that the histories of these models hold; one statement for each.

    Args:
        models: with the column that names an object.
    """
    found: list[Change] = []
    for model, name in models:
        key = model._meta.pk.attname
        columns = (key, "history_type", name, "history_date", "history_user__username")
        rows = model.history.order_by("-history_id").values_list(*columns)[:limit]  # type: ignore[attr-defined]
        found += [Change(model, pk, kind, str(text or ""), at, by or "") for pk, kind, text, at, by in rows]
    return sorted(found, key=lambda change: change.at, reverse=True)[:limit]


def active_customers() -> int:
    """How many customers are active."""
    return EnterpriseCustomer.all_objects.filter(active=True).count()
