"""Bringing stored roles, links and admin records in line, batch by batch (contract: roles-and-permissions 9).

Each function is a generator: it works on one batch, commits it, and yields how many rows it changed; with `dry_run`
how many it would change. So a command can report and rest in between, and may be stopped and run again at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from config.db.sets import record_history
from enrollments.services.bulk import lock_accounts
from enterprise.models import (
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE, ENTERPRISE_LEARNER_ROLE, ENTERPRISE_OPERATOR_ROLE
from enterprise.services import roles


def backfill_learner_roles(batch_size: int, *, dry_run: bool = False) -> Iterator[int]:
    """Gives `enterprise_learner` to the account of every linked learner who lacks it."""
    for links in _batches(EnterpriseCustomerUser.objects.filter(_lacks(ENTERPRISE_LEARNER_ROLE)), batch_size):
        if dry_run:
            yield len(links)
            continue
        with transaction.atomic():
            yield roles.assign_to_learners(ENTERPRISE_LEARNER_ROLE, _locked_links(links))


def place_roles(
    role_name: str, batch_size: int, *, customer_uuid: UUID | None = None, dry_run: bool = False
) -> Iterator[int]:
    """Gives every user who holds a role for less than all customers the role for each customer they are linked to.

    The operator's role reaches all customers by itself: its rows get the flag that says so.

    Args:
        role_name: one of ROLES_BY_LINK.
        customer_uuid: look at links and rows of this customer only.
    """
    if role_name == ENTERPRISE_OPERATOR_ROLE:
        yield from _flag_operators(batch_size, customer_uuid, dry_run)
        return
    holders = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        user=OuterRef("user_fk"), role__name=role_name, applies_to_all_contexts=False
    )
    links = EnterpriseCustomerUser.objects.filter(Exists(holders), _lacks(role_name))
    if customer_uuid is not None:
        links = links.filter(enterprise_customer_id=customer_uuid)
    for ids in _batches(links, batch_size):
        if dry_run:
            yield len(ids)
            continue
        with transaction.atomic():
            yield roles.assign_to_learners(role_name, _locked_links(ids))


def keep_one_active_link(batch_size: int, *, dry_run: bool = False) -> Iterator[int]:
    """Leaves users with several active links the one that their history says was made active last. Yields users."""
    several = (
        EnterpriseCustomerUser.objects.filter(active=True)
        .order_by()
        .values("user_id")
        .annotate(links=Count("pk"))
        .filter(links__gt=1)
    )
    last = 0
    while users := list(
        several.filter(user_id__gt=last).order_by("user_id").values_list("user_id", flat=True)[:batch_size]
    ):
        last = users[-1]
        if not dry_run:
            with transaction.atomic():
                _inactivate_older(lock_accounts(users))
        yield len(users)


def create_admin_records(batch_size: int, *, dry_run: bool = False) -> Iterator[tuple[int, int]]:
    """Gives every linked learner who is an admin of the customer an admin record, and every record a last sign-in.

    Yields:
        How many records got `last_login`, and how many were made.
    """
    now = timezone.now()
    for ids in _batches(EnterpriseCustomerAdmin.objects.filter(last_login=None), batch_size):
        if not dry_run:
            EnterpriseCustomerAdmin.objects.filter(pk__in_set=ids).update(last_login=now, modified=now)
        yield len(ids), 0
    held = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        role__name=ENTERPRISE_ADMIN_ROLE,
        user_id=OuterRef("user_id"),
        enterprise_customer=OuterRef("enterprise_customer"),
    )
    links = EnterpriseCustomerUser.objects.filter(Exists(held), admin_record=None)
    for ids in _batches(links, batch_size):
        if not dry_run:
            EnterpriseCustomerAdmin.objects.bulk_create(
                [EnterpriseCustomerAdmin(enterprise_customer_user_id=pk, last_login=now) for pk in ids],
                ignore_conflicts=True,
            )
        yield 0, len(ids)


def _flag_operators(batch_size: int, customer_uuid: UUID | None, dry_run: bool) -> Iterator[int]:
    rows = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        role__name=ENTERPRISE_OPERATOR_ROLE, applies_to_all_contexts=False
    )
    if customer_uuid is not None:
        rows = rows.filter(enterprise_customer_id=customer_uuid)
    for ids in _batches(rows, batch_size):
        if not dry_run:
            with transaction.atomic():
                SystemWideEnterpriseUserRoleAssignment.objects.filter(pk__in_set=ids).update(
                    applies_to_all_contexts=True, modified=timezone.now()
                )
                record_history(SystemWideEnterpriseUserRoleAssignment, ids, "~")
        yield len(ids)


def _inactivate_older(users: Collection[int]) -> None:
    links = EnterpriseCustomerUser.objects.filter(user_id__in_set=users, active=True)
    history = EnterpriseCustomerUser.history.filter(id__in=links.order_by().values("pk"), active=True)
    moments = dict(history.order_by().values("id").annotate(last=Max("history_date")).values_list("id", "last"))
    newest: dict[int, EnterpriseCustomerUser] = {}
    older = []
    for link in links.order_by("user_id", "modified", "pk"):
        other = newest.get(link.user_id)
        newest[link.user_id] = link
        if other is not None:
            if (moments.get(other.pk) or other.created) > (moments.get(link.pk) or link.created):
                newest[link.user_id], other = other, link
            older.append(other.pk)
    EnterpriseCustomerUser.objects.filter(pk__in_set=older).update(active=False)


def _lacks(role_name: str) -> Q:
    """Links whose account exists and lacks a role for the link's customer."""
    held = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        user=OuterRef("user_fk"), enterprise_customer=OuterRef("enterprise_customer"), role__name=role_name
    )
    return Q(~Exists(held), user_fk__isnull=False)


def _locked_links(ids: Collection[int]) -> list[int]:
    """Those of the links that still stand, the accounts locked."""
    links = EnterpriseCustomerUser.objects.filter(pk__in_set=ids)
    lock_accounts(links.order_by().values_list("user_id", flat=True))
    return list(links.order_by("pk").values_list("pk", flat=True))


def _batches(rows: QuerySet, size: int) -> Iterator[list]:
    """The ids of rows in batches, in order; rows that change in between neither shift nor repeat the rest."""
    last = None
    while True:
        ahead = rows.order_by("pk") if last is None else rows.filter(pk__gt=last).order_by("pk")
        ids = list(ahead.values_list("pk", flat=True)[:size])
        if not ids:
            return
        last = ids[-1]
        yield ids
