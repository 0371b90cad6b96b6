"""Rows of learners without an account: pending learners and enrollments (contract: enterprise-learners)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Lower

from config.db.sets import InPairs, insert_from, record_history, update_from
from enterprise.bulk import reasons
from enterprise.bulk.rows import Results, Row
from enterprise.bulk.staging import is_cut
from enterprise.models import EnterpriseCustomer, PendingEnrollment, PendingEnterpriseCustomerUser

Key = tuple[int, str]


class _Waiting:
    """A pending enrollment: as it is stored, or as a row of this chunk (`row_id`) will have it made."""

    __slots__ = ("id", "license_uuid", "rest", "row_id")

    def __init__(
        self, enrollment_id: int | None, license_uuid: UUID | None, rest: tuple[Any, ...], row_id: int | None
    ) -> None:
        self.id = enrollment_id
        self.license_uuid = license_uuid
        self.rest = rest
        self.row_id = row_id


def enroll(
    customer: EnterpriseCustomer,
    wanted: Sequence[Row],
    rows: QuerySet[Any],
    results: Results,
    *,
    discount: Decimal,
    source_id: int | None,
    moment: datetime,
    by: dict[str, Any],
) -> None:
    """Makes or updates the pending enrollments that `wanted` asks for, and notes what became of each row.

    Args:
        wanted: rows without an account, in order.
        rows: the job's rows as a queryset.
        discount, source_id: stored with every pending enrollment.
        by: `user_id` and `reason` of the history.
    """
    learners = learners_of(customer, wanted, rows, moment, by)
    known = _read({(learners[row.id], row.course_run_key) for row in wanted})
    changed: dict[int, tuple[int, str, UUID | None]] = {}
    for row in wanted:
        key = (learners[row.id], row.course_run_key)
        waiting = known.get(key)
        rest = (row.course_mode, row.transaction_id, discount, source_id, None, None)
        if is_cut(row.course_run_key):
            results.failed(row, reasons.INVALID_COURSE_KEY)
        elif waiting is None:
            known[key] = _Waiting(None, row.license_uuid, rest, row.id)
            results.pending(row, created=True)
        elif waiting.license_uuid != row.license_uuid:
            results.failed(row, reasons.SUBSIDY_CONFLICT)
        else:
            results.pending(row, created=False)
            if waiting.id is None:
                waiting.row_id = row.id
            elif waiting.rest != rest:
                waiting.rest = rest
                changed[waiting.id] = (waiting.id, row.course_mode, row.transaction_id)
    new = [waiting.row_id for waiting in known.values() if waiting.id is None]
    shared = {
        "discount_percentage": discount,
        "source_id": source_id,
        "cohort_name": None,
        "sales_force_id": None,
        "modified": moment,
    }
    made = insert(customer, [row_id for row_id in new if row_id is not None], rows, moment, shared)
    record_history(PendingEnrollment, [pk for pk, _, _ in made], "+", moment=moment, **by)
    update_from(PendingEnrollment, ("id", "course_mode", "transaction_id"), list(changed.values()), same=shared)
    record_history(PendingEnrollment, list(changed), "~", moment=moment, **by)


def insert(
    customer: EnterpriseCustomer,
    row_ids: Collection[int],
    rows: QuerySet[Any],
    moment: datetime,
    shared: Mapping[str, Any],
) -> list[tuple[int, int, str]]:
    """Makes the pending enrollments of rows whose pending learners exist; history is the caller's business.

    Args:
        shared: columns that all of them get the same value in.
    Returns:
        Id, pending learner and run key of each.
    Raises:
        Overtaken: another writer was faster.
    """
    if not row_ids:
        return []
    made = insert_from(
        PendingEnrollment,
        rows.filter(pk__in_set=list(row_ids)).order_by("position"),
        {
            "user_id": _learner_of_row(customer),
            "course_id": F("course_run_key"),
            "course_mode": F("course_mode"),
            "license_uuid": F("license_uuid"),
            "transaction_id": F("transaction_id"),
            "cohort_name": None,
            "sales_force_id": None,
            "created": moment,
            **shared,
        },
        returning=("id", "user_id", "course_id"),
        expect=len(row_ids),
    )
    return [(pk, user_id, run_key) for pk, user_id, run_key in made]


def _learner_of_row(customer: EnterpriseCustomer) -> Subquery:
    """The pending learner with a row's address. The database compares, so that both sides are folded alike."""
    learner = PendingEnterpriseCustomerUser.objects.annotate(address=Lower("user_email")).filter(
        enterprise_customer=customer, address=Lower(OuterRef("given_email"))
    )
    return Subquery(learner.order_by().values("pk"))


def learners_of(
    customer: EnterpriseCustomer, wanted: Sequence[Row], rows: QuerySet[Any], moment: datetime, by: dict[str, Any]
) -> dict[int, int]:
    """Row id -> pending learner, made where there was none. The learners' rows stay locked, in order of address.

    Inserting first makes two jobs wait for each other instead of both deciding on what they could not see.
    """
    asked = rows.filter(pk__in_set=[row.id for row in wanted])
    made = insert_from(
        PendingEnterpriseCustomerUser,
        asked.order_by(Lower("given_email"), "position"),
        {"enterprise_customer_id": customer.pk, "user_email": F("given_email"), "created": moment, "modified": moment},
    )
    record_history(PendingEnterpriseCustomerUser, [key for (key,) in made], "+", moment=moment, **by)
    learners = dict(asked.order_by().values_list("pk", _learner_of_row(customer)))
    locked = PendingEnterpriseCustomerUser.objects.filter(pk__in_set=set(learners.values()))
    list(locked.order_by(Lower("user_email")).select_for_update(no_key=True).values_list("pk"))
    return learners


def _read(wanted: set[Key]) -> dict[Key, _Waiting]:
    columns = (
        "user_id",
        "course_id",
        "id",
        "license_uuid",
        "course_mode",
        "transaction_id",
        "discount_percentage",
        "source_id",
        "cohort_name",
        "sales_force_id",
    )
    stored = PendingEnrollment.objects.filter(InPairs("user_id", "course_id", wanted)).order_by()
    return {(row[0], row[1]): _Waiting(row[2], row[3], row[4:], None) for row in stored.values_list(*columns)}
