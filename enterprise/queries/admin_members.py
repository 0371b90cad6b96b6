"""Admins of a customer and who is invited to be one, in one list.

Contract: enterprise-admins-groups-sso, GET {enterprise_uuid}/admins.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import django_filters
from django.db.models import (
    CharField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    Value,
)
from django.db.models.functions import Cast, Coalesce, Lower

from config.db.reads import Given, KeptCount, KeptList, KeptPage
from enrollments.models import User
from enterprise.models import (
    EnterpriseCustomerAdmin,
    PendingEnterpriseCustomerAdminUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE
from enterprise.queries.accounts import shown_name
from enterprise.queries.emails import accounts_with
from enterprise.queries.learner_filters import UUIDFilter
from enterprise.queries.roles import role_key

ADMIN, PENDING = "Admin", "Pending"
ORDERING_FIELDS = ("name", "email", "joined_date", "invited_date", "status")
DEFAULT_ORDER = ("name", "email")


class AdminMember(NamedTuple):
    """An admin, or an invited one: one of the dates is None."""

    id: int
    name: str
    email: str
    invited_date: datetime | None
    joined_date: datetime | None
    status: str


def admin_members(customer_id: UUID, text: str = "", ordering: str = "") -> Any:
    """Tuples of `AdminMember`, for a paginator. Admins are those who hold the role for this very customer.

    Args:
        text: what is somewhere in the name or address of an admin, or in the address of an invited one, ignoring case.
        ordering: a comma list of ORDERING_FIELDS, `-` turns one round; other names are ignored.
    """
    order = _known(ordering) or DEFAULT_ORDER
    if text:
        return _both(customer_id, order, text)
    page, number = _kept(order)
    return KeptList(page, number, customer=customer_id)


@lru_cache(maxsize=64)
def _kept(order: tuple[str, ...]) -> tuple[KeptPage, KeptCount]:
    def build() -> QuerySet[Any, Any]:
        return _both(Given("customer", UUIDField()), order)

    return KeptPage(build), KeptCount(build)


def _both(customer: Any, order: tuple[str, ...], text: str = "") -> QuerySet[Any, Any]:
    """
    Args:
        customer: the uuid, or an expression for it.
    """
    holds_role = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        enterprise_customer=customer,
        user=OuterRef("enterprise_customer_user__user_fk_id"),
        role=role_key(ENTERPRISE_ADMIN_ROLE),
    )
    admins = EnterpriseCustomerAdmin.objects.filter(
        Exists(holds_role),
        enterprise_customer_user__enterprise_customer=customer,
        enterprise_customer_user__active=True,
    ).annotate(
        number=F("enterprise_customer_user_id"),
        name=Cast(shown_name("enterprise_customer_user__user_fk", or_first_name=True), TextField()),
        email=Cast("enterprise_customer_user__user_fk__email", TextField()),
        invited_date=Value(None, DateTimeField()),
        joined_date=F("created"),
        status=Value(ADMIN, CharField()),
    )
    named = User.objects.annotate(lowered=Lower("email")).filter(lowered=Lower(OuterRef("user_email")))
    invited = PendingEnterpriseCustomerAdminUser.objects.filter(enterprise_customer=customer).annotate(
        number=F("pk"),
        name=Cast(Coalesce(Subquery(named.values("profile__name")[:1]), Value("")), TextField()),
        email=Cast("user_email", TextField()),
        invited_date=F("created"),
        joined_date=Value(None, DateTimeField()),
        status=Value(PENDING, CharField()),
    )
    if text:
        admins = admins.filter(Q(name__icontains=text) | Q(email__icontains=text))
        invited = invited.filter(user_email__icontains=text)
    columns = ["number", *AdminMember._fields[1:]]
    both = invited.order_by().values_list(*columns).union(admins.order_by().values_list(*columns), all=True)
    return both.order_by(*map(_placed, order), "status", "number")


def admin_addresses(customer_id: UUID, emails: Iterable[str]) -> list[str]:
    """Which of these addresses, in lower case, are those of active admins of a customer; roles do not count."""
    accounts = accounts_with(emails).filter(
        enterprise_links__enterprise_customer=customer_id,
        enterprise_links__active=True,
        enterprise_links__admin_record__isnull=False,
    )
    return list(accounts.values_list("lowered", flat=True))


def learner_addresses(customer_id: UUID, emails: Iterable[str]) -> list[str]:
    """Which of these addresses, in lower case, are those of linked, active learners of a customer."""
    accounts = accounts_with(emails).filter(
        enterprise_links__enterprise_customer=customer_id,
        enterprise_links__active=True,
        enterprise_links__linked=True,
    )
    return list(accounts.values_list("lowered", flat=True))


class PendingAdminFilter(django_filters.FilterSet):
    """What invitations may be narrowed by; addresses exactly."""

    enterprise_customer = UUIDFilter(field_name="enterprise_customer_id")
    user_email = django_filters.CharFilter()


def all_pending_admins() -> QuerySet[PendingEnterpriseCustomerAdminUser]:
    """Those of all customers, the oldest first."""
    return PendingEnterpriseCustomerAdminUser.objects.order_by("created", "pk")


def holds_admin_role(customer_id: UUID, email: str) -> bool:
    """Whether the account with an address, ignoring case, holds `enterprise_admin` for a customer."""
    holders = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        enterprise_customer=customer_id,
        role=role_key(ENTERPRISE_ADMIN_ROLE),
        user__in=accounts_with([email]).values("pk"),
    )
    return holders.exists()


def _known(ordering: str) -> tuple[str, ...]:
    """What is asked for; a field that comes again says nothing new."""
    names: dict[str, str] = {}
    for name in map(str.strip, ordering.split(",")):
        if name.removeprefix("-") in ORDERING_FIELDS:
            names.setdefault(name.removeprefix("-"), name)
    return tuple(names.values())


def _placed(name: str) -> Any:
    """Who has no such date comes before who has one, and after when turned round: on every database."""
    column = F(name.removeprefix("-"))
    return column.desc(nulls_last=True) if name.startswith("-") else column.asc(nulls_first=True)
