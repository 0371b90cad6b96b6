"""Ends the enrollments that a customer stands behind, many at a time: what a roster of leavers asks for.

Learners with an account: the plain enrollment is deactivated; enterprise flags and fulfillments follow as they do for
every deactivation. Without an account: the pending enrollment is withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from config.db.sets import InPairs, in_chunks, record_history
from enrollments.models import User
from enrollments.services import bulk as enrollments
from enterprise.bulk.staging import accounts_at
from enterprise.models import EnterpriseCourseEnrollment, EnterpriseCustomer, PendingEnrollment
from enterprise.queries.emails import lowered, with_emails


@dataclass(frozen=True, slots=True)
class Leaver:
    """A learner who leaves a run, named by account id or, without one, by address."""

    user_id: int | None
    email: str
    course_run_key: str


@dataclass(slots=True)
class Summary:
    """How many enrollments ended, how many pending ones were withdrawn, and how many leavers had neither."""

    unenrolled: int = 0
    withdrawn: int = 0
    unknown: int = 0


def unenroll(customer: EnterpriseCustomer, leavers: Iterable[Leaver], actor: User | None = None) -> Iterator[Summary]:
    """Ends enrollments chunk by chunk, each in a transaction of its own; repeating it changes nothing.

    Args:
        leavers: read once; only enrollments that this customer stands behind are touched.
        actor: whom the history names.
    Yields:
        The summary so far, after each chunk.
    """
    summary = Summary()
    for chunk in in_chunks(leavers, settings.BULK_JOB_CHUNK_SIZE):
        with transaction.atomic():
            ended, withdrawn = _unenroll(customer, chunk, actor.pk if actor else None)
        summary.unenrolled += ended
        summary.withdrawn += withdrawn
        summary.unknown += len(chunk) - ended - withdrawn
        yield summary


def _unenroll(customer: EnterpriseCustomer, chunk: list[Leaver], actor_id: int | None) -> tuple[int, int]:
    accounts = accounts_at({leaver.email for leaver in chunk if leaver.user_id is None and leaver.email})
    pairs: set[tuple[int, str]] = set()
    waiting: set[tuple[str, str]] = set()
    for leaver in chunk:
        address = lowered(leaver.email)
        if leaver.user_id is not None:
            pairs.add((leaver.user_id, leaver.course_run_key))
        elif address in accounts:
            pairs.add((accounts[address][0], leaver.course_run_key))
        else:
            waiting.add((address, leaver.course_run_key))
    ours = EnterpriseCourseEnrollment.objects.filter(
        InPairs("enterprise_customer_user__user_id", "course_id", pairs),
        enterprise_customer_user__enterprise_customer=customer,
    )
    standing = set(ours.order_by().values_list("enterprise_customer_user__user_id", "course_id"))
    reason = f"left {customer.slug}"
    changes = enrollments.deactivate(standing, user_id=actor_id, reason=reason) if standing else []
    return len(changes), _withdraw(customer, waiting, {"user_id": actor_id, "reason": reason})


def _withdraw(customer: EnterpriseCustomer, waiting: set[tuple[str, str]], by: dict[str, Any]) -> int:
    pending = with_emails(
        PendingEnrollment.objects.filter(user__enterprise_customer=customer),
        "user__user_email",
        [address for address, _ in waiting],
    )
    locked = pending.order_by("pk").select_for_update(of=("self",)).values_list("pk", "lowered", "course_id")
    ids = [key for key, address, run_key in locked if (address, run_key) in waiting]
    record_history(PendingEnrollment, ids, "-", **by)
    # A plain delete would write the history a second time, row by row.
    rows: Any = PendingEnrollment.objects.filter(pk__in_set=ids)
    rows._raw_delete(rows.db)
    return len(ids)
