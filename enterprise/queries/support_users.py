"""Everybody a customer knows, for the support team: learners, unlinked ones too, and addresses that wait.

Contract: enterprise-admins-groups-sso, Members and support users.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    OuterRef,
    PositiveBigIntegerField,
    Q,
    QuerySet,
    TextField,
    UUIDField,
    Value,
)
from django.db.models.functions import Cast, Lower, Upper

from config.db.reads import EitherEnd, Given, KeptCount, KeptRows, KeyedStatement, MergedPage, WireTime
from config.db.sets import like_text
from enrollments.models import User
from enterprise.models import (
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.learners import searched_text
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE
from enterprise.queries.long_lists import CountOf, LongList, NewestChanges
from enterprise.queries.roles import role_key

_IS_PENDING, _IS_ADMIN, _DETAILS, _EMAIL, _ACCOUNT = 1, 2, 3, 4, 5  # the columns of what is merged, by place
ADMINS_FIRST = (-_IS_ADMIN, _DETAILS)
# What `ordering` may say, and the columns it stands for.
ORDERINGS = {
    "administrator": (_IS_ADMIN,),
    "learner": (_IS_ADMIN,),
    "details": (_DETAILS,),
    "-administrator": (-_IS_ADMIN,),
    "-learner": (-_IS_ADMIN,),
    "-details": (-_DETAILS,),
}


class Known(NamedTuple):
    """A row of the list; of a pending one only the address counts, and whether it is to be an admin."""

    is_pending: int
    is_admin: int
    details: str
    email: str
    user_id: int


class Account(NamedTuple):
    """Whom a row is about, with the system-wide roles for the customer in the order in which they were given."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    is_staff: bool
    is_active: bool
    date_joined: str
    roles: list[str]


def support_users(customer_id: UUID, text: str = "", ordering: str = "") -> tuple[EitherEnd, CountOf | LongList]:
    """Tuples of `Known`, for a paginator, and what it counts.

    Args:
        text: what is somewhere in the address or the user name, ignoring case.
        ordering: one of ORDERINGS; else admins come first, then those whose details come first.
    """
    order = (*ORDERINGS.get(ordering, ADMINS_FIRST), _EMAIL, _ACCOUNT)
    given: dict[str, Any] = {"customer": customer_id}
    if text:
        given |= {"text": text, "pattern": f"%\n%{like_text(searched_text(text))}%"}
    is_search = bool(text)

    def counted() -> int:
        return _kept_number(is_search)(**given)

    number = CountOf(counted) if is_search else LongList(f"support-users:{customer_id}", counted, _newest_changes)
    forwards, backwards = (_kept_page(each, is_search) for each in (order, tuple(-place for place in order)))
    return EitherEnd(KeptRows(forwards, backwards, "default", given), number), number


@lru_cache
def _kept_page(order: tuple[int, ...], is_search: bool) -> MergedPage:
    return MergedPage(lambda: _parts(order, is_search=is_search), order, planned_anew=is_search)


@lru_cache
def _kept_number(is_search: bool) -> KeptCount:
    def both() -> QuerySet[Any, Any]:
        parts = (_learners(is_search=is_search), _waiting(is_search=is_search))
        learners, waiting = (part.values_list("pk") for part in parts)
        return learners.union(waiting, all=True)

    return KeptCount(both, planned_anew=is_search)


def _learners(*, is_search: bool) -> QuerySet[EnterpriseCustomerUser]:
    """Unlinked ones too."""
    rows = EnterpriseCustomerUser.all_objects.filter(enterprise_customer=_CUSTOMER, user_fk__isnull=False)
    if is_search:
        rows = rows.filter(member_search__like=Upper(_PATTERN))
    return rows.order_by()


def _waiting(*, is_search: bool) -> QuerySet[PendingEnterpriseCustomerUser]:
    rows = PendingEnterpriseCustomerUser.objects.filter(enterprise_customer=_CUSTOMER)
    return (rows.filter(user_email__icontains=_TEXT) if is_search else rows).order_by()


def _parts(order: tuple[int, ...], *, is_search: bool) -> list[QuerySet[Any, Any]]:
    """Learners and who waits, each of them in two parts where admins come apart from others."""
    assigned = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        enterprise_customer=_CUSTOMER, role=role_key(ENTERPRISE_ADMIN_ROLE)
    )
    invited = PendingEnterpriseCustomerAdminUser.objects.filter(enterprise_customer=_CUSTOMER).annotate(
        lowered=Lower("user_email")
    )
    is_admin = Exists(assigned.filter(user=OuterRef("user_fk_id")))
    is_invited = Exists(invited.filter(lowered=Lower(OuterRef("user_email"))))
    learners, waiting = _learners(is_search=is_search), _waiting(is_search=is_search)
    kinds: list[tuple[Any, Any, Any, int, dict[int, str]]] = [
        (
            learners,
            is_admin,
            learners.filter(user_id__in_few=assigned.order_by().values("user_id")),
            0,
            {_DETAILS: "member_username", _EMAIL: "member_email"},
        ),
        (
            waiting,
            is_invited,
            waiting.alias(lowered=Lower("user_email")).filter(lowered__in_few=invited.order_by().values("lowered")),
            1,
            {_DETAILS: "user_email", _EMAIL: "user_email"},
        ),
    ]
    parts = []
    for rows, holds, admins, is_pending, columns in kinds:
        account = Value(0, PositiveBigIntegerField()) if is_pending else F("user_id")
        own = _own_order(order, columns if is_pending else {**columns, _ACCOUNT: "user_id"})
        shown = [_text(columns[_DETAILS]), _text(columns[_EMAIL]), account]
        if abs(order[0]) != _IS_ADMIN:
            parts.append(rows.order_by(*own).values_list(Value(is_pending), _number(holds), *shown))
            continue
        for flag, part in ((1, admins), (0, rows.filter(~holds))):
            parts.append(part.order_by(*own).values_list(Value(is_pending), Value(flag), *shown))
    return parts


def _own_order(order: tuple[int, ...], columns: dict[int, str]) -> list[str]:
    """What orders rows of one kind; nothing after a column that tells any two of them apart."""
    names: list[str] = []
    for place in order:
        if name := columns.get(abs(place)):
            names.append(f"-{name}" if place < 0 else name)
            if name in ("member_username", "user_email"):
                break
    return names


def _number(condition: Any) -> Any:
    return Cast(condition, IntegerField())


def _text(column: str) -> Any:
    return Cast(column, TextField())


_CUSTOMER, _TEXT = Given("customer", UUIDField()), Given("text", TextField())
_PATTERN = Given("pattern", TextField())
_newest_changes = NewestChanges(EnterpriseCustomerUser, PendingEnterpriseCustomerUser)


def accounts(customer_id: UUID, ids: Collection[int]) -> dict[int, Account]:
    """The accounts with these ids; one that is gone meanwhile is left out. One statement, none for no ids."""
    found: dict[int, Account] = {}
    for *values, role in _account_rows(ids, customer=customer_id):
        account = found.setdefault(values[0], Account._make([*values, []]))
        if role is not None:
            account.roles.append(role)
    return found


def _accounts_of(ids: list[int]) -> QuerySet[Any, Any]:
    held = FilteredRelation(
        "enterprise_role_assignments", condition=Q(enterprise_role_assignments__enterprise_customer=_CUSTOMER)
    )
    rows = User.objects.filter(pk__in_set=ids).annotate(held=held).order_by("held__created", "held__pk")
    columns = ("pk", "username", "first_name", "last_name", "email", "is_staff", "is_active")
    return rows.values_list(*columns, WireTime("date_joined"), "held__role__name")


_account_rows = KeyedStatement(_accounts_of)
