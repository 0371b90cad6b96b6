"""Members of a customer: linked, active learners who hold the learner role for it.

Contract: enterprise-admins-groups-sso, Members and support users. The plain list runs along an index on the copy of
their names; searches and the order by date look at all members. The counts of long lists are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, PositiveBigIntegerField, QuerySet, Subquery, TextField, UUIDField
from django.db.models.functions import Coalesce, Upper

from config.db.ids import LARGEST_ID
from config.db.reads import EitherEnd, Given, KeptCount, KeptPage, KeptRows, KeyedStatement
from config.db.sets import like_text
from enterprise.models import (
    EnterpriseCourseEnrollment,
    EnterpriseCustomerUser,
    MemberOrder,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.learners import searched_text
from enterprise.models.roles import ENTERPRISE_LEARNER_ROLE
from enterprise.queries.long_lists import CountOf, LongList, NewestChanges
from enterprise.queries.roles import role_key


class Member(NamedTuple):
    """A member; `enrollments` counts the enterprise enrollments with this customer."""

    link_id: int
    user_id: int
    email: str
    joined: datetime
    name: str
    enrollments: int


def members_of(customer: Any) -> QuerySet[EnterpriseCustomerUser]:
    """The links of members, unordered.

    Args:
        customer: the uuid, or an expression for it.
    """
    holds_role = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        enterprise_customer=OuterRef("enterprise_customer_id"),
        user=OuterRef("user_fk_id"),
        role=role_key(ENTERPRISE_LEARNER_ROLE),
    )
    return EnterpriseCustomerUser.objects.filter(Exists(holds_role), enterprise_customer=customer, active=True)


def everybody(customer_id: UUID, *, backwards: bool = False) -> tuple[EitherEnd, LongList]:
    """Ids of all members by name, in tuples, for a paginator, and what it counts."""
    given: dict[str, Any] = {"customer": customer_id}
    number = LongList(f"members:{customer_id}", lambda: _number(**given), _newest_changes)
    pages = (_backwards, _forwards) if backwards else (_forwards, _backwards)
    return EitherEnd(KeptRows(*pages, "default", given), number), number


def found(
    customer_id: UUID,
    *,
    text: str = "",
    user_id: int | None = None,
    by: str = MemberOrder.NAME,
    backwards: bool = False,
) -> tuple[Any, Any]:
    """The same for some members, or in another order.

    Args:
        text: what is somewhere in the name or in the address, ignoring case.
        user_id: only this account's.
        by: a MemberOrder; the date is that of the account.
    """
    given: dict[str, Any] = {"customer": customer_id}
    if text:
        given["text"] = f"%{like_text(searched_text(text))}%\n%"
    elif user_id is not None and not 0 <= user_id <= LARGEST_ID:
        return [], []
    elif user_id is not None:
        given["user_id"] = user_id
    forwards, backwards_, number = _found(frozenset(given), by)
    pages = (backwards_, forwards) if backwards else (forwards, backwards_)
    rows = KeptRows(*pages, "default", given)
    if not text:
        countable = CountOf(lambda: number(**given))
        return EitherEnd(rows, countable), countable
    # A changed name leaves no history of the link: what is kept of a long search may be KEPT_SECONDS old.
    key = f"members:{customer_id}:{by}:{backwards}:{sha256(given['text'].encode()).hexdigest()}"
    search = LongList(key, lambda: number(**given), _newest_changes, rows)
    return EitherEnd(search, search), search


@lru_cache
def _found(given: frozenset[str], by: str) -> tuple[KeptPage, KeptPage, KeptCount]:
    """The pages, those from the end, and the number of members found by what is given."""

    def build() -> QuerySet[Any, Any]:
        links = members_of(_CUSTOMER)
        if "text" in given:
            links = links.filter(member_search__like=Upper(_TEXT))
        if "user_id" in given:
            links = links.filter(user_id=Given("user_id", PositiveBigIntegerField()))
        order = "user_fk__date_joined" if by == MemberOrder.JOINED_ORG else "member_name"
        return links.order_by(order, "pk").values_list("pk")

    anew = "text" in given
    pages = KeptPage(build, planned_anew=anew), KeptPage(lambda: build().reverse(), planned_anew=anew)
    return *pages, KeptCount(build, planned_anew=anew)


def members(ids: Sequence[int]) -> list[Member]:
    """The members with these link ids, in this order; one that is gone meanwhile is left out. One statement."""
    rows = {row[0]: Member._make(row) for row in _rows(ids)}
    return [rows[each] for each in ids if each in rows]


_CUSTOMER, _TEXT = Given("customer", UUIDField()), Given("text", TextField())


def _by_name() -> QuerySet[Any, Any]:
    return members_of(_CUSTOMER).order_by("member_name", "pk").values_list("pk")


def _rows_of(ids: list[int]) -> QuerySet[Any, Any]:
    enrollments = EnterpriseCourseEnrollment.all_objects.filter(enterprise_customer_user=OuterRef("pk")).order_by()
    number = enrollments.values("enterprise_customer_user").values(number=Count("pk"))
    links = EnterpriseCustomerUser.objects.filter(pk__in_set=ids, user_fk__isnull=False).order_by()
    columns = ("pk", "user_id", "user_fk__email", "user_fk__date_joined", "member_name")
    return links.values_list(*columns, Coalesce(Subquery(number), 0))


_forwards, _backwards = KeptPage(_by_name), KeptPage(lambda: _by_name().reverse())
_number = KeptCount(_by_name)
# `ensure_singular_active_enterprise_customer_user` leaves no history: who it makes inactive may count a little longer.
_newest_changes = NewestChanges(EnterpriseCustomerUser, SystemWideEnterpriseUserRoleAssignment)
_rows = KeyedStatement(_rows_of)
