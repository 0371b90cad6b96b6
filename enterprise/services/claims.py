"""What waits for an account is claimed when the account is saved: pending learners, then pending admins.

Contract: enterprise-learners, Account saved; roles-and-permissions 8 (which saves count is the sender's business).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import record_history, update_from
from enrollments.models import User
from enrollments.services.bulk import lock_accounts
from enterprise.models import (
    BulkJob,
    BulkJobRow,
    EnterpriseCustomerUser,
    EnterpriseGroupMembership,
    PendingEnrollment,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
)
from enterprise.queries.emails import lowered, with_emails
from enterprise.services import admins, jobs, links


def claim(accounts: Sequence[User]) -> None:
    """Claims what waits for these accounts' addresses, compared ignoring case.

    Every pending learner becomes a linked, active learner, oldest first, so that the newest invitation decides for
    which customer the learner acts; barred learners stay unlinked. Their group memberships are accepted, their pending
    enrollments become bulk jobs that start after the commit. Then pending admins of customers that the account is
    linked to become admins. Two statements when nothing waits.
    """
    by_address = {lowered(account.email): account for account in accounts if account.email}
    if not by_address:
        return
    learners = list(_waiting(PendingEnterpriseCustomerUser.objects.all(), by_address).values_list("pk", flat=True))
    invited = list(_waiting(PendingEnterpriseCustomerAdminUser.objects.all(), by_address).values_list("pk", flat=True))
    if not learners and not invited:
        return
    with transaction.atomic():
        lock_accounts({account.pk for account in by_address.values()})
        if learners:
            _claim_learners(by_address, learners)
        if invited:
            _claim_admins(by_address)


def _claim_learners(by_address: Mapping[str, User], candidates: Collection[int]) -> None:
    # Locked, so that nobody adds a pending enrollment between its reading and its deletion.
    rows = PendingEnterpriseCustomerUser.objects.filter(pk__in_set=candidates).select_related("enterprise_customer")
    waiting = list(_waiting(rows, by_address).order_by("created", "pk").select_for_update(of=("self",)))
    pending_enrollments: dict[int, list[PendingEnrollment]] = defaultdict(list)
    for enrollment in PendingEnrollment.objects.filter(user__id__in_set=[row.pk for row in waiting]):
        pending_enrollments[enrollment.user_id].append(enrollment)
    wishes = [links.Wish(row.enterprise_customer, by_address[row.lowered], relink_barred=False) for row in waiting]
    claimed: dict[int, EnterpriseCustomerUser] = {}
    for row, wish, outcome in zip(waiting, wishes, links.link_all(wishes), strict=True):
        if outcome.link is None:
            continue
        claimed[row.pk] = outcome.link
        if row.pk in pending_enrollments:
            _queue_enrollments(wish.account, row, pending_enrollments[row.pk])
    _accept_memberships(claimed)
    links.remove_pending([row.pk for row in waiting])


def _queue_enrollments(
    account: User, learner: PendingEnterpriseCustomerUser, enrollments: Sequence[PendingEnrollment]
) -> None:
    """Hands what a pending learner was to be enrolled in to a bulk job, which enrolls after the commit, row by row."""
    job = BulkJob.objects.create(
        kind=BulkJob.Kind.PENDING_CLAIM,
        enterprise_customer_id=learner.enterprise_customer_id,
        actor=account,
        state=BulkJob.State.QUEUED,
        total=len(enrollments),
        heartbeat_at=timezone.now(),
        options={
            "cohorts": {place: row.cohort_name for place, row in enumerate(enrollments) if row.cohort_name},
            "sources": {place: row.source_id for place, row in enumerate(enrollments)},
        },
    )
    BulkJobRow.objects.bulk_create(
        BulkJobRow(
            job=job,
            position=position,
            given_email=learner.user_email,
            account_id=account.pk,
            email=account.email,
            course_run_key=row.course_id,
            course_mode=row.course_mode,
            license_uuid=row.license_uuid,
            transaction_id=row.transaction_id,
        )
        for position, row in enumerate(enrollments)
    )
    jobs.start(job)


def _accept_memberships(claimed: Mapping[int, EnterpriseCustomerUser]) -> None:
    """Memberships of pending learners become those of their links, which have one in each group at most.

    Args:
        claimed: id of the pending learner -> link.
    """
    live = EnterpriseGroupMembership.objects.filter(pending_enterprise_customer_user__id__in_set=claimed.keys())
    memberships = list(live.order_by("created").values_list("pk", "group_id", "pending_enterprise_customer_user_id"))
    if not memberships:
        return
    wanted = {(group_id, claimed[pending_id].pk): pk for pk, group_id, pending_id in memberships}
    others = EnterpriseGroupMembership.all_objects.filter(
        group__uuid__in_set={group_id for group_id, _ in wanted},
        enterprise_customer_user__id__in_set={link_id for _, link_id in wanted},
    )
    own = {(row.group_id, row.enterprise_customer_user_id): row for row in others}
    accepted = [
        (own[pair].pk if pair in own else pk, pair[1])
        for pair, pk in wanted.items()
        if pair not in own or own[pair].is_removed
    ]
    given_way = [pk for pair, pk in wanted.items() if pair in own]
    _record(EnterpriseGroupMembership, given_way, "-")
    EnterpriseGroupMembership.all_objects.filter(pk__in_set=given_way).delete()
    now = timezone.now()
    update_from(
        EnterpriseGroupMembership,
        ("uuid", "enterprise_customer_user"),
        accepted,
        same={
            "pending_enterprise_customer_user": None,
            "status": EnterpriseGroupMembership.Status.ACCEPTED.value,
            "activated_at": now,
            "errored_at": None,
            "is_removed": False,
            "removed_at": None,
            "modified": now,
        },
    )
    _record(EnterpriseGroupMembership, [pk for pk, _ in accepted], "~")


def _claim_admins(by_address: Mapping[str, User]) -> None:
    waiting = _waiting(PendingEnterpriseCustomerAdminUser.objects.all(), by_address)
    rows = list(waiting.select_for_update(of=("self",)))
    invited = {row.pk: by_address[row.lowered].pk for row in rows}
    standing = EnterpriseCustomerUser.all_objects.filter(
        user_id__in_set=set(invited.values()),
        enterprise_customer__uuid__in_set={row.enterprise_customer_id for row in rows},
    )
    admins.activate_pending_admins(invited, list(standing))


def _waiting(rows: QuerySet[Any], by_address: Mapping[str, User]) -> QuerySet[Any]:
    """The rows whose address is one of these; `lowered` is the address in lower case."""
    return with_emails(rows, "user_email", by_address)


def _record(model: type[Any], ids: Collection[Any], change: str) -> None:
    record_history(model, ids, change, user_id=acting_account_id())
