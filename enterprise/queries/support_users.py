"""Everybody a customer knows, for the support team: learners, unlinked ones too, and addresses that wait.

Contract: enterprise-admins-groups-sso, Members and support users.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    PositiveBigIntegerField,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Lower

from enterprise.models import (
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE
from enterprise.queries.roles import role_key

ADMINS_FIRST = ("-is_admin", "details")
# What `ordering` may say, and the columns it stands for.
ORDERINGS = {
    "administrator": ("is_admin",),
    "learner": ("is_admin",),
    "details": ("details",),
    "-administrator": ("-is_admin",),
    "-learner": ("-is_admin",),
    "-details": ("-details",),
}


class SupportUser(NamedTuple):
    """A row of the list; of a pending one only the address counts, and whether it is to be an admin."""

    is_pending: int
    is_admin: int
    details: str
    email: str
    user_id: int
    username: str
    first_name: str
    last_name: str
    is_staff: bool
    is_active: bool
    date_joined: datetime


_COLUMNS = SupportUser._fields


def support_users(customer_id: UUID, text: str = "", ordering: str = "") -> QuerySet[Any, Any]:
    """Tuples of `SupportUser`, for a paginator.

    Args:
        text: what is somewhere in the address or the user name, ignoring case.
        ordering: one of ORDERINGS; else admins come first, then those whose details come first.
    """
    is_admin = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        user=OuterRef("user_fk_id"), enterprise_customer=customer_id, role=role_key(ENTERPRISE_ADMIN_ROLE)
    )
    learners = EnterpriseCustomerUser.all_objects.filter(enterprise_customer=customer_id, user_fk__isnull=False)
    is_invited = PendingEnterpriseCustomerAdminUser.objects.annotate(lowered=Lower("user_email")).filter(
        enterprise_customer=customer_id, lowered=Lower(OuterRef("user_email"))
    )
    pending = PendingEnterpriseCustomerUser.objects.filter(enterprise_customer=customer_id)
    if text:
        learners = learners.filter(Q(user_fk__email__icontains=text) | Q(user_fk__username__icontains=text))
        pending = pending.filter(user_email__icontains=text)
    rows = learners.order_by().annotate(
        is_pending=Value(0),
        is_admin=_number(Exists(is_admin)),
        details=_text("user_fk__username"),
        email=_text("user_fk__email"),
        account=Cast("user_id", PositiveBigIntegerField()),
        username=_text("user_fk__username"),
        first_name=_text("user_fk__first_name"),
        last_name=_text("user_fk__last_name"),
        is_staff=F("user_fk__is_staff"),
        is_active=F("user_fk__is_active"),
        date_joined=F("user_fk__date_joined"),
    )
    waiting = pending.order_by().annotate(
        is_pending=Value(1),
        is_admin=_number(Exists(is_invited)),
        details=_text("user_email"),
        email=_text("user_email"),
        account=Value(0, PositiveBigIntegerField()),
        username=Value("", CharField()),
        first_name=Value("", CharField()),
        last_name=Value("", CharField()),
        is_staff=Value(None, BooleanField()),
        is_active=Value(None, BooleanField()),
        date_joined=Value(None, DateTimeField()),
    )
    columns = [name if name != "user_id" else "account" for name in _COLUMNS]
    both = rows.values_list(*columns).union(waiting.values_list(*columns), all=True)
    return both.order_by(*ORDERINGS.get(ordering, ADMINS_FIRST), "email", "account")


def _number(condition: Any) -> Any:
    return Cast(condition, IntegerField())


def _text(column: str) -> Any:
    return Cast(column, TextField())


def roles_of(customer_id: UUID, account_ids: Collection[int]) -> dict[int, list[str]]:
    """The system-wide roles that accounts hold for a customer, in the order in which they got them. One statement."""
    held: defaultdict[int, list[str]] = defaultdict(list)
    if account_ids:
        assignments = SystemWideEnterpriseUserRoleAssignment.objects.filter(
            enterprise_customer=customer_id, user__id__in_set=account_ids
        )
        for account_id, name in assignments.order_by("created", "pk").values_list("user_id", "role__name"):
            held[account_id].append(name)
    return held
