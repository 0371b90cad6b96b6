"""The start page: jobs, mails, customers, sign-ins and the latest changes, each if the viewer may see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import CharField, Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from config.db.admin import HistoryAdmin
from enrollments.models import OutboxMessage, SignIn
from enterprise.models import BulkJob, EnterpriseCustomer, EnterpriseCustomerUser
from support.admin.navigation import list_address
from support.queries import operations
from support.queries.operations import Change, CustomerSize

ROWS, ENDED_JOBS, CHANGES, DAYS = 6, 3, 10, 14

# What names an object in its history where no text column of its list does.
NAMED_BY = {
    "enterprise.EnterpriseCustomerUser": "user_fk__username",
    "enterprise.EnterpriseGroupMembership": "group__name",
    "enterprise.SystemWideEnterpriseUserRoleAssignment": "user__username",
    "enrollments.CourseEnrollment": "user__username",
    "program_enrollments.ProgramEnrollment": "external_user_key",
    "program_enrollments.ProgramCourseEnrollment": "course_key",
}
KINDS = {"+": "added", "~": "changed", "-": "deleted"}


def start_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the boxes to the context of the admin's start page; called by the theme (`DASHBOARD_CALLBACK`)."""
    context.update(
        jobs=jobs_box() if sees(request, BulkJob) else None,
        mails=mails_box() if sees(request, OutboxMessage) else None,
        customers=customers_box() if sees(request, EnterpriseCustomer, EnterpriseCustomerUser) else None,
        sign_ins=sign_ins_box() if sees(request, SignIn) else None,
        changes=changes_box(request),
    )
    return context


def sees(request: HttpRequest, *models: type[Model]) -> bool:
    """Whether the viewer may look at the rows of all these models."""
    return all(admin.site._registry[model].has_view_permission(request) for model in models)


def history_address(model: type[Model], pk: Any) -> str:
    """The page with the history of an object."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_history", args=[quote(pk)])


def change_address(model: type[Model], pk: Any) -> str:
    """The page of an object."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[quote(pk)])


@dataclass(frozen=True)
class JobLine:
    """A bulk job, how far it is in whole percent, and whether its worker has gone silent."""

    job: BulkJob
    percent: int
    silent: bool
    address: str
    history: str


def jobs_box() -> dict[str, Any]:
    """Jobs at work, and the last that ended."""
    unfinished, number = operations.unfinished_jobs(ROWS)
    ended = operations.ended_jobs(ENDED_JOBS)
    address = list_address(BulkJob)
    return {
        "address": address,
        "number": number,
        "more": number - len(unfinished),
        "unfinished": [_job_line(job) for job in unfinished],
        "ended": [_job_line(job) for job in ended],
    }


def _job_line(job: BulkJob) -> JobLine:
    percent = 100 * job.done // job.total if job.total else 100 * job.has_ended
    silence = timedelta(seconds=settings.BULK_JOB_STALE_SECONDS)
    heard = job.heartbeat_at or job.created
    silent = not job.has_ended and heard < timezone.now() - silence
    address = reverse("admin:enterprise_bulkjob_progress", args=[job.pk])
    return JobLine(job, percent, silent, address, history_address(BulkJob, job.pk))


def mails_box() -> dict[str, Any]:
    """Mails in doubt, given up and failed: how many of each, and the latest."""
    mails, numbers = operations.mails_in_trouble(ROWS)
    address = list_address(OutboxMessage)
    titles: dict[str, str] = {
        OutboxMessage.State.UNKNOWN: "In doubt",
        OutboxMessage.State.DEAD: "Given up",
        OutboxMessage.State.FAILED: "Tried again soon",
    }
    return {
        "address": address,
        "waiting": numbers[OutboxMessage.State.UNKNOWN] + numbers[OutboxMessage.State.DEAD],
        "states": [(titles[state], number, f"{address}?state__exact={state}") for state, number in numbers.items()],
        "lines": [
            {
                "mail": mail,
                "title": titles[mail.state],
                "address": change_address(OutboxMessage, mail.pk),
                "history": history_address(OutboxMessage, mail.pk),
            }
            for mail in mails
        ],
        "any": bool(mails),
    }


@dataclass(frozen=True)
class CustomerLine:
    """A customer beside the largest one."""

    size: CustomerSize
    largest: int
    address: str
    learners: str
    history: str


def customers_box() -> dict[str, Any]:
    """The largest customers by linked learners."""
    sizes = operations.customers_by_size(ROWS + 2)
    largest = max((size.learners for size in sizes), default=0)
    lines = [
        CustomerLine(
            size,
            largest,
            change_address(EnterpriseCustomer, size.customer.pk),
            reverse("admin:enterprise_enterprisecustomer_learners", args=[size.customer.pk]),
            history_address(EnterpriseCustomer, size.customer.pk),
        )
        for size in sizes
    ]
    return {"address": list_address(EnterpriseCustomer), "lines": lines, "active": operations.active_customers()}


@dataclass(frozen=True)
class Column:
    """One day of the plot; `height` and `top` are parts of a hundred."""

    day: date
    number: int
    height: float
    weekend: bool

    @property
    def top(self) -> float:
        return round(100 - self.height, 1)


def sign_ins_box() -> dict[str, Any]:
    """Accounts that signed in on each of the last days."""
    numbers = operations.sign_ins_by_day(DAYS)
    most = max(numbers.values())
    columns = [
        Column(day, number, round(100 * number / most, 1) if most else 0.0, day.weekday() >= 5)
        for day, number in numbers.items()
    ]
    return {"address": list_address(SignIn), "columns": columns, "most": most, "today": columns[-1].number}


def changes_box(request: HttpRequest) -> dict[str, Any] | None:
    """The latest changes of all objects whose history is kept."""
    models = [
        (model, _name_column(model, page))
        for model, page in admin.site._registry.items()
        if isinstance(page, HistoryAdmin) and page.has_view_permission(request)
    ]
    if not models:
        return None
    return {"lines": [_change_line(change) for change in operations.latest_changes(models, CHANGES)]}


def _name_column(model: type[Model], page: Any) -> str:
    texts = {field.name for field in model._meta.fields if isinstance(field, CharField) and not field.choices}
    shown = [name for name in page.list_display if name in texts]
    return NAMED_BY.get(model._meta.label) or (shown[0] if shown else model._meta.pk.attname)


def _change_line(change: Change) -> dict[str, Any]:
    return {
        "change": change,
        "what": change.model._meta.verbose_name,
        "kind": KINDS.get(change.kind, change.kind),
        "history": history_address(change.model, change.pk),
    }
