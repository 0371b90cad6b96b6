"""What becomes of groups and their members (contract: enterprise-admins-groups-sso, Groups).

Memberships change in sets: a fixed number of statements for two hundred addresses, each change with its history.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from config.db.cascade import delete_with_dependants
from config.db.history import acting_account_id
from config.db.sets import insert_given, record_history
from enrollments.models import OutboxMessage
from enrollments.services import outbox
from enrollments.services.bulk import lock_accounts
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    EnterpriseGroup,
    EnterpriseGroupMembership,
)
from enterprise.queries.emails import accounts_with, lowered, with_emails
from enterprise.queries.groups import live_memberships, ties_of
from enterprise.queries.learners import pending_learners
from enterprise.services import group_mails, links

Status = EnterpriseGroupMembership.Status
ERRORS = frozenset({Status.INTERNAL_API_ERROR, Status.EMAIL_ERROR})
MOST_ADDRESSES = 1000  # of one request; the rest is not looked at


class NameTaken(Exception):
    """Another live group of the customer has the name. Nothing was changed."""


class NoSuchGroup(Exception):
    """The group is gone."""


# --- Groups -------------------------------------------------------------------------------------------------------


def purge_removed(name: Any, customer_id: UUID | None) -> None:
    """Deletes the group that was removed long ago and still occupies a name of a customer."""
    if not isinstance(name, str) or not name.strip() or customer_id is None:
        return
    removed = EnterpriseGroup.all_objects.filter(
        name=name.strip(), enterprise_customer=customer_id, is_removed=True
    ).values_list("pk", flat=True)
    if ids := list(removed):
        delete_with_dependants(EnterpriseGroup, ids, user_id=acting_account_id())


@transaction.atomic
def create(customer: EnterpriseCustomer, values: Mapping[str, Any]) -> EnterpriseGroup:
    """
    Args:
        values: `name`, `group_type`.
    Raises:
        NameTaken
    """
    with _unique_name():
        return EnterpriseGroup.objects.create(enterprise_customer=customer, **values)


@transaction.atomic
def change(group: EnterpriseGroup, values: Mapping[str, Any]) -> EnterpriseGroup:
    """
    Args:
        values: of `name`, `group_type`, `enterprise_customer`, those that change.
    Raises:
        NameTaken
        NoSuchGroup
    """
    row = EnterpriseGroup.objects.select_for_update().filter(pk=group.pk).first()
    if row is None:
        raise NoSuchGroup(str(group))
    for name, value in values.items():
        setattr(row, name, value)
    with _unique_name():
        row.save()
    return row


def delete(group: EnterpriseGroup) -> None:
    """Deletes a group for good, with its memberships."""
    delete_with_dependants(EnterpriseGroup, [group.pk], user_id=acting_account_id())


@contextmanager
def _unique_name() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise NameTaken from error


# --- Members ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the mail to new members says.

    Args:
        act_by: until when to act.
        catalog_id: what they may choose from.
    """

    act_by: datetime
    catalog_id: UUID


@dataclass(frozen=True, slots=True)
class Assigned:
    """Accounts and pending learners handled, whether or not anything changed for them; addresses turned away."""

    existing: int
    pending: int
    rejected: int


@transaction.atomic
def assign(group: EnterpriseGroup, addresses: Sequence[str], invitation: Invitation | None = None) -> Assigned:
    """Makes the owners of addresses members: all of them or, if anything breaks, none.

    Accounts become learners of the customer where they are none; who was unlinked is passed over. In a budget group
    addresses without an account wait as pending learners, a flex group turns them away, save present and former
    members. Removed memberships are revived. Only memberships that are new are told of.

    Args:
        addresses: of which the first MOST_ADDRESSES count.
    """
    wanted = dict.fromkeys(lowered(address) for address in addresses[:MOST_ADDRESSES])
    accounts = {account.lowered: account for account in accounts_with(wanted)}
    lock_accounts({account.pk for account in accounts.values()})
    learners = _links(group, list(accounts.values()))
    without_account = [address for address in wanted if address not in accounts]
    waiting = {row.lowered: row.pk for row in pending_learners(group.enterprise_customer_id, without_account)}
    is_budget = group.group_type == EnterpriseGroup.GroupType.BUDGET
    if is_budget:
        missing = [address for address in without_account if address not in waiting]
        made = links.link_pending(group.enterprise_customer, missing)
        waiting |= {lowered(each.pending.user_email): each.pending.pk for each in made}
    ties = ties_of(group, learners, list(waiting.values()))
    now = timezone.now()
    live = {"is_removed": False, "removed_at": None, "errored_at": None}
    revived = [tie for tie in ties if tie.is_removed]
    activated: Any = Coalesce(F("activated_at"), Value(now))
    _update([tie.uuid for tie in revived if tie.link_id], status=Status.ACCEPTED, activated_at=activated, **live)
    _update([tie.uuid for tie in revived if not tie.link_id], status=Status.PENDING, **live)
    tied = {tie.link_id for tie in ties if tie.link_id}
    tied_pending = {tie.pending_id for tie in ties if tie.pending_id}
    new = _insert(group, [pk for pk in learners if pk not in tied], "enterprise_customer_user", now)
    if is_budget:
        ids = [pk for pk in waiting.values() if pk not in tied_pending]
        new |= _insert(group, ids, "pending_enterprise_customer_user", now)
    if invitation is not None:
        outbox.queue(
            group_mails.invitations(new, group.enterprise_customer_id, invitation.act_by, invitation.catalog_id)
        )
    handled = len(waiting) if is_budget else len(tied_pending)
    return Assigned(len(learners), handled, 0 if is_budget else len(without_account) - handled)


def _links(group: EnterpriseGroup, accounts: Sequence[Any]) -> list[int]:
    """The standing links of accounts with the group's customer, made where there are none at all."""
    rows = EnterpriseCustomerUser.all_objects.filter(
        enterprise_customer=group.enterprise_customer_id, user_id__in_set=[account.pk for account in accounts]
    )
    known = {user_id: (pk, linked) for pk, user_id, linked in rows.values_list("pk", "user_id", "linked")}
    newcomers = [account for account in accounts if account.pk not in known]
    made = links.link_accounts(group.enterprise_customer, newcomers) if newcomers else {}
    return [
        *(pk for pk, linked in known.values() if linked),
        *(outcome.link.pk for outcome in made.values() if outcome.link is not None),
    ]


def _insert(group: EnterpriseGroup, ids: Sequence[int], column: str, now: datetime) -> dict[UUID, int]:
    """Adds memberships of learner links or pending learners; those that others added meanwhile are left out.

    Returns:
        Uuid of each new membership -> whom it ties.
    """
    is_account = column == "enterprise_customer_user"
    other = "pending_enterprise_customer_user" if is_account else "enterprise_customer_user"
    uuids = {uuid4(): pk for pk in ids}
    inserted = insert_given(
        EnterpriseGroupMembership,
        ("uuid", column),
        list(uuids.items()),
        {
            "group": group.pk,
            other: None,
            "status": Status.ACCEPTED if is_account else Status.PENDING,
            "activated_at": now if is_account else None,
            "is_removed": False,
            "removed_at": None,
            "errored_at": None,
            "created": now,
            "modified": now,
        },
        order_by=(column,),
        returning=("uuid",),
    )
    made = {UUID(str(uuid)) for (uuid,) in inserted}
    _record(list(made), "+")
    return {uuid: pk for uuid, pk in uuids.items() if uuid in made}


def remove(group: EnterpriseGroup, addresses: Sequence[str] | None, catalog_id: UUID | None = None) -> int:
    """Removes the owners of addresses from a group; their memberships stay, removed.

    Args:
        addresses: of which the first MOST_ADDRESSES count; None: everybody.
        catalog_id: tell them by mail what they lose.
    Returns:
        How many memberships ended.
    Raises:
        DatabaseError: nothing ended; the memberships are marked with the error.
    """
    wanted = None if addresses is None else {lowered(address) for address in addresses[:MOST_ADDRESSES]}
    members = live_memberships(group, wanted)
    try:
        with transaction.atomic():
            ids = _locked(members)
            now = timezone.now()
            _update(ids, status=Status.REMOVED, is_removed=True, removed_at=now, errored_at=None)
            if catalog_id is not None:
                outbox.queue(group_mails.removals(ids, group.enterprise_customer_id, catalog_id, now))
            return len(ids)
    except DatabaseError:
        with transaction.atomic():
            _mark(_locked(members), Status.INTERNAL_API_ERROR)
        raise


@transaction.atomic
def set_status(group: EnterpriseGroup, email: str, status: str) -> None:
    """Notes what became of a pending learner's memberships in a group; errors carry the moment."""
    waiting = with_emails(
        EnterpriseGroupMembership.objects.filter(group=group), "pending_enterprise_customer_user__user_email", [email]
    )
    _mark(_locked(waiting), status)


@transaction.atomic
def note_group_mail(messages: Collection[OutboxMessage], failed: bool) -> None:
    """Notes that mails about memberships could not be sent, or were sent after they could not."""
    rows = EnterpriseGroupMembership.all_objects.filter(pk__in_set=group_mails.memberships_of(messages))
    if failed:
        _mark(_locked(rows), Status.EMAIL_ERROR)
        return
    cleared = rows.filter(status=Status.EMAIL_ERROR)
    states = {
        Status.REMOVED: cleared.filter(is_removed=True),
        Status.ACCEPTED: cleared.filter(is_removed=False, enterprise_customer_user__isnull=False),
        Status.PENDING: cleared.filter(is_removed=False, enterprise_customer_user__isnull=True),
    }
    for status, ids in {status: _locked(each) for status, each in states.items()}.items():
        _mark(ids, status)


def _mark(ids: Sequence[UUID], status: str) -> None:
    _update(ids, status=status, errored_at=timezone.now() if status in ERRORS else None)


def _locked(memberships: Any) -> list[UUID]:
    rows = memberships.order_by("pk").select_for_update(of=("self",))
    return list(rows.values_list("pk", flat=True))


def _update(ids: Sequence[UUID], **values: Any) -> None:
    if ids:
        EnterpriseGroupMembership.all_objects.filter(pk__in_set=ids).update(**values, modified=timezone.now())
        _record(ids, "~")


def _record(ids: Sequence[UUID], change: str) -> None:
    record_history(EnterpriseGroupMembership, ids, change, user_id=acting_account_id())


# --- Memberships that nobody takes up -------------------------------------------------------------------------------


def delete_expired(older_than: datetime, customer_id: UUID | None, tell: Callable[[str], None]) -> int:
    """Deletes memberships without a learner link that are older, removed ones too, with their pending learners.

    Args:
        customer_id: only in groups of this customer; None: everywhere.
        tell: hears of each batch.
    Returns:
        How many memberships went.
    """
    old = EnterpriseGroupMembership.all_objects.filter(
        created__lt=older_than, enterprise_customer_user__isnull=True
    ).order_by("created", "pk")
    if customer_id is not None:
        old = old.filter(group__enterprise_customer=customer_id)
    total = 0
    while True:
        with transaction.atomic():
            batch = list(
                old.select_for_update(of=("self",)).values_list("pk", "pending_enterprise_customer_user_id")[:500]
            )
            if not batch:
                return total
            delete_with_dependants(EnterpriseGroupMembership, [pk for pk, _ in batch], user_id=acting_account_id())
            links.remove_pending(sorted({pending for _, pending in batch if pending}))
        total += len(batch)
        tell(f"{total} memberships deleted.")
