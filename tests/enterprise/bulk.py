"""What the tests of bulk enrollment share: rows by keyword, and a job that is run at once."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from enrollments.models import CourseEnrollment, User
from enterprise.bulk.rows import RowInput
from enterprise.models import (
    BulkJob,
    BulkJobRow,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
)
from enterprise.services import jobs


def row(run: Any, account: User | None = None, email: str = "", **values: Any) -> RowInput:
    """A row for an account (by id) or an address; paid for by a new license unless `values` say otherwise."""
    if "license_uuid" not in values and "transaction_id" not in values:
        values["license_uuid"] = uuid4()
    run_key = run if isinstance(run, str) else run.pk
    return RowInput(user_id=account.pk if account else None, email=email, course_run_key=run_key, **values)


def stored(customer: EnterpriseCustomer, *rows: RowInput, notify: bool = False, actor: User | None = None) -> BulkJob:
    """A job that waits to be worked on."""
    return jobs.create(customer, actor, rows, notify=notify, discount=Decimal(100))


def enroll(
    customer: EnterpriseCustomer, *rows: RowInput, notify: bool = False, actor: User | None = None
) -> list[BulkJobRow]:
    """Runs a job and gives its rows in order."""
    job = jobs.run(stored(customer, *rows, notify=notify, actor=actor))
    assert job.state == BulkJob.State.FINISHED
    assert job.done == job.total == len(rows)
    return list(job.rows.order_by("position"))


def states(rows: Iterable[BulkJobRow]) -> list[tuple[str, bool, str]]:
    """(state, created, reason code) of each row."""
    return [(each.state, each.created, each.reason_code) for each in rows]


def plain(account: User, run: Any) -> tuple[str, bool] | None:
    """Mode and activity of an account's enrollment; None without one."""
    found = CourseEnrollment.objects.filter(user=account, course_id=run if isinstance(run, str) else run.pk)
    return found.values_list("mode", "is_active").first()


def link(customer: EnterpriseCustomer, account: User) -> EnterpriseCustomerUser | None:
    return EnterpriseCustomerUser.all_objects.filter(enterprise_customer=customer, user_id=account.pk).first()


def enterprise_enrollment(customer: EnterpriseCustomer, account: User, run: Any) -> EnterpriseCourseEnrollment | None:
    return EnterpriseCourseEnrollment.all_objects.filter(
        enterprise_customer_user__enterprise_customer=customer,
        enterprise_customer_user__user_id=account.pk,
        course_id=run if isinstance(run, str) else run.pk,
    ).first()


SUCCEEDED = ("succeeded", True, "")
SEEN = ("succeeded", False, "")
PENDING = ("pending", True, "")
PENDING_SEEN = ("pending", False, "")


def failed(code: str) -> tuple[str, bool, str]:
    return ("failed", False, code)


def invalid(code: str) -> tuple[str, bool, str]:
    return ("invalid", False, code)


def uuids(number: int) -> list[UUID]:
    return [uuid4() for _ in range(number)]
