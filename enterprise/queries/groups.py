"""Groups of learners and their members (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    When,
)
from django.db.models.functions import Coalesce, Lower
from rest_framework.exceptions import NotFound

from config.db.ids import LARGEST_ID
from config.db.reads import (
    EitherEnd,
    Given,
    KeptCount,
    KeptList,
    KeptPage,
    KeptRows,
    KeyedStatement,
    UuidText,
    WireTime,
)
from enterprise.models import (
    EnterpriseCourseEnrollment,
    EnterpriseCustomerUser,
    EnterpriseGroup,
    EnterpriseGroupMembership,
    MembershipOrder,
    PendingEnterpriseCustomerUser,
)
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.long_lists import LongList, NewestChanges

NO_SUCH_GROUP = "No EnterpriseGroup matches the given query."
Status = EnterpriseGroupMembership.Status


# --- Groups -------------------------------------------------------------------------------------------------------


class Group(NamedTuple):
    """A group as answers show it; `accepted` counts its live, accepted memberships."""

    uuid: str
    customer: str
    name: str
    group_type: str
    created: str
    accepted: int


def visible_groups(caller: Any, *, removed: bool = False) -> QuerySet[EnterpriseGroup]:
    """The groups that a caller sees: all for staff, else those of the customer that the caller acts for.

    Args:
        removed: with those that were removed long ago.
    """
    groups = (EnterpriseGroup.all_objects if removed else EnterpriseGroup.objects).order_by("-modified", "pk")
    return groups if caller.is_staff else _acted_for(groups, caller.pk)


def _acted_for(groups: QuerySet[EnterpriseGroup], user_id: Any) -> QuerySet[EnterpriseGroup]:
    acting = EnterpriseCustomerUser.objects.filter(
        user_id=user_id, active=True, enterprise_customer=OuterRef("enterprise_customer_id")
    )
    return groups.filter(Exists(acting.order_by()))


def all_visible(caller: Any) -> KeptList:
    """Tuples of `Group` for a paginator: all that a caller sees, the latest changed first."""
    if caller.is_staff:
        return KeptList(_every_group, _number_of_groups)
    return KeptList(_own_groups, _number_of_own_groups, user_id=caller.pk)


def with_learners(groups: QuerySet[EnterpriseGroup], ids: Collection[int]) -> QuerySet[EnterpriseGroup]:
    """Those that have a live member with one of these ids, of a learner link or of a pending learner."""
    ids = [each for each in ids if 0 < each <= LARGEST_ID]
    members = EnterpriseGroupMembership.objects.filter(
        Q(enterprise_customer_user__id__in_set=ids) | Q(pending_enterprise_customer_user__id__in_set=ids),
        group=OuterRef("pk"),
    )
    return groups.filter(Exists(members.order_by()))


def shown(groups: QuerySet[EnterpriseGroup]) -> QuerySet[Any, Any]:
    """Tuples of `Group`, in the order of the groups."""
    accepted = EnterpriseGroupMembership.objects.filter(group=OuterRef("pk"), status=Status.ACCEPTED).order_by()
    number = accepted.values("group").values(number=Count("pk"))
    return groups.values_list(
        UuidText("pk"),
        UuidText("enterprise_customer_id"),
        "name",
        "group_type",
        WireTime("created"),
        Coalesce(Subquery(number), 0),
    )


def one_visible(caller: Any, uuid: UUID) -> list[tuple[Any, ...]]:
    """The tuple of the `Group` with this uuid, if the caller sees it. One statement."""
    return _one_group([uuid]) if caller.is_staff else _own_group([uuid], user_id=caller.pk)


_one_group = KeyedStatement(lambda uuids: shown(_latest_groups().filter(pk__in_set=uuids)))
_own_group = KeyedStatement(lambda uuids: shown(_latest_own_groups().filter(pk__in_set=uuids)))


def _latest_groups() -> QuerySet[EnterpriseGroup]:
    return EnterpriseGroup.objects.order_by("-modified", "pk")


def _latest_own_groups() -> QuerySet[EnterpriseGroup]:
    return _acted_for(_latest_groups(), Given("user_id", BigIntegerField()))


_every_group = KeptPage(lambda: shown(_latest_groups()))
_number_of_groups = KeptCount(lambda: _latest_groups().values_list("pk"))
_own_groups = KeptPage(lambda: shown(_latest_own_groups()))
_number_of_own_groups = KeptCount(lambda: _latest_own_groups().values_list("pk"))


def one_of(groups: QuerySet[EnterpriseGroup], uuid: object) -> EnterpriseGroup:
    """The group that a path names, among some, with its customer.

    Raises:
        NotFound: `Not found.` for a text that is no uuid, else the model's text.
    """
    key = parsed_uuid(uuid)
    if key is None:
        raise NotFound
    group = groups.select_related("enterprise_customer").filter(pk=key).first()
    if group is None:
        raise NotFound(NO_SUCH_GROUP)
    return group


class Seen(NamedTuple):
    """A live group as one caller sees it.

    Args:
        acting: whether the caller acts for its customer.
    """

    uuid: UUID
    customer: str
    acting: bool


def seen_by(caller: Any, uuid: object) -> Seen | None:
    """The live group that a path names; None for an unknown one, or a text that is no uuid. One statement."""
    key = parsed_uuid(uuid)
    rows = _seen_rows([key], user_id=caller.pk) if key else []
    return Seen._make(rows[0]) if rows else None


def customer_of(uuid: object) -> UUID | None:
    """The customer of a live group; None for an unknown one, or a text that is no uuid. One statement."""
    key = parsed_uuid(uuid)
    if key is None:
        return None
    for (customer_id,) in _customer_rows([key]):
        return UUID(str(customer_id))
    return None


_customer_rows = KeyedStatement(
    lambda uuids: (
        EnterpriseGroup.objects.filter(pk__in_set=uuids).order_by().values_list(UuidText("enterprise_customer_id"))
    )
)


def _seen(uuids: list[UUID]) -> QuerySet[Any, Any]:
    acting = EnterpriseCustomerUser.objects.filter(
        user_id=Given("user_id", BigIntegerField()),
        active=True,
        enterprise_customer=OuterRef("enterprise_customer_id"),
    )
    groups = EnterpriseGroup.objects.filter(pk__in_set=uuids).order_by()
    return groups.values_list("pk", UuidText("enterprise_customer_id"), Exists(acting.order_by()))


_seen_rows = KeyedStatement(_seen)


# --- Members ------------------------------------------------------------------------------------------------------


class Membership(NamedTuple):
    """A membership with whom it ties: an account through its learner link, or an address that waits."""

    uuid: UUID
    group_uuid: str
    group_name: str
    link_id: int | None
    pending_id: int | None
    user_id: int | None
    email: str | None
    member_name: str | None
    first_name: str | None
    last_name: str | None
    profile_name: str | None
    pending_email: str | None
    status: str | None
    is_removed: bool
    created: datetime
    activated_at: datetime | None
    removed_at: datetime | None
    errored_at: datetime | None
    enrollments: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Which members are asked for, in which order.

    Args:
        text: what is somewhere in the name or address, ignoring case.
        sort_by: a MembershipOrder; empty: the latest changed come first.
        pending_only: live ones without a learner link; `removed` does not count then.
        removed: with the removed ones.
        emails: exactly these addresses; empty: all.
    """

    text: str = ""
    sort_by: str = ""
    backwards: bool = False
    pending_only: bool = False
    removed: bool = False
    emails: Sequence[str] = field(default_factory=tuple)


def members_of(group_id: UUID, asked: Asked) -> tuple[Any, Any]:
    """Uuids of memberships, in tuples, for a paginator, and what it counts."""
    if asked == Asked():
        given = {"group": group_id}
        number = LongList(f"group:{group_id}", lambda: _number(group=group_id), _newest_changes)
        return EitherEnd(KeptRows(_latest, _earliest, "default", given), number), number
    if not (asked.text or asked.emails):
        forwards, backwards, number_of = _sorted(replace(asked, emails=()))
        rows = KeptRows(forwards, backwards, "default", {"group": group_id})
        key = f"group:{group_id}:{asked.sort_by}:{asked.backwards}:{asked.pending_only}:{asked.removed}"
        long = LongList(key, lambda: number_of(group=group_id), _newest_changes, rows)
        return EitherEnd(long, long), long
    found = _found(group_id, asked)
    return found.order_by(*_order(asked)).values_list("pk"), found


@lru_cache(maxsize=64)
def _sorted(asked: Asked) -> tuple[KeptPage, KeptPage, KeptCount]:
    """The pages, those from the end, and the number of a group's members in an order that was asked for."""

    def build() -> QuerySet[Any, Any]:
        rows = _found(Given("group", UUIDField()), asked)
        return rows.order_by(*_order(asked)).values_list("pk")

    return KeptPage(build), KeptPage(lambda: build().reverse()), KeptCount(build)


def flex_memberships(user_id: int, customer_id: UUID) -> QuerySet[Any, Any]:
    """Uuids of an account's memberships in flex groups of a customer, removed ones too, the latest changed first."""
    memberships = EnterpriseGroupMembership.all_objects.filter(
        enterprise_customer_user__user_id=user_id,
        enterprise_customer_user__enterprise_customer=customer_id,
        group__group_type=EnterpriseGroup.GroupType.FLEX,
    )
    return memberships.order_by("-modified", "pk").values_list("pk")


def memberships(uuids: Sequence[UUID]) -> list[Membership]:
    """The memberships with these uuids, in this order; one that is gone meanwhile is left out. One statement."""
    rows = {row[0]: Membership._make(row) for row in _membership_rows(uuids)}
    return [rows[uuid] for uuid in uuids if uuid in rows]


def _tied() -> Q:
    """Not those whose pending learner was deleted: they are nobody's."""
    return Q(enterprise_customer_user__isnull=False) | Q(pending_enterprise_customer_user__isnull=False)


def _found(group_id: Any, asked: Asked) -> QuerySet[EnterpriseGroupMembership]:
    """
    Args:
        group_id: the uuid, or an expression for it.
    """
    with_removed = asked.removed and not asked.pending_only
    rows = (EnterpriseGroupMembership.all_objects if with_removed else EnterpriseGroupMembership.objects).filter(
        _tied(), group=group_id
    )
    if asked.pending_only:
        rows = rows.filter(enterprise_customer_user__isnull=True)
    if asked.text:
        named = Q(enterprise_customer_user__member_name__icontains=asked.text) | Q(
            enterprise_customer_user__member_email__icontains=asked.text
        )
        waiting = Q(
            enterprise_customer_user__isnull=True, pending_enterprise_customer_user__user_email__icontains=asked.text
        )
        rows = rows.filter(named & Q(enterprise_customer_user__linked=True) | waiting)
    if asked.emails:
        emails = list(asked.emails)
        rows = rows.filter(
            Q(enterprise_customer_user__member_email__in_set=emails)
            | Q(
                enterprise_customer_user__isnull=True,
                pending_enterprise_customer_user__user_email__in_set=emails,
            )
        )
    return rows.order_by()


def _order(asked: Asked) -> list[Any]:
    if not asked.sort_by:
        return ["-modified", "pk"]
    column: Any = F("status")
    if asked.sort_by == MembershipOrder.MEMBER_DETAILS:
        # Looked up for each member of the group: joined, the planner may read all learners of all customers instead.
        links = EnterpriseCustomerUser.all_objects.filter(pk=OuterRef("enterprise_customer_user_id"))
        pending = PendingEnterpriseCustomerUser.objects.filter(pk=OuterRef("pending_enterprise_customer_user_id"))
        column = Coalesce(
            Subquery(links.order_by().values("member_email")[:1]), Subquery(pending.order_by().values("user_email")[:1])
        )
    elif asked.sort_by == MembershipOrder.RECENT_ACTION:
        column = Case(
            When(errored_at__isnull=False, then=F("errored_at")),
            When(is_removed=True, removed_at__isnull=False, then=F("removed_at")),
            When(enterprise_customer_user__isnull=False, activated_at__isnull=False, then=F("activated_at")),
            default=F("created"),
        )
    elif asked.sort_by == MembershipOrder.ENROLLMENT_COUNT:
        column = _enrollments()
    # Whatever is unknown comes first, and last when turned round, on every database.
    first: Any = column.desc(nulls_last=True) if asked.backwards else column.asc(nulls_first=True)
    return [first, "-modified", "pk"]


def _enrollments() -> Any:
    of_link = EnterpriseCourseEnrollment.all_objects.filter(
        enterprise_customer_user=OuterRef("enterprise_customer_user_id")
    )
    number = of_link.order_by().values("enterprise_customer_user").values(number=Count("pk"))
    return Coalesce(Subquery(number), 0)


def _of_group() -> QuerySet[Any, Any]:
    rows = EnterpriseGroupMembership.objects.filter(_tied(), group=Given("group", UUIDField()))
    return rows.order_by("-modified", "pk").values_list("pk")


_latest, _earliest = KeptPage(_of_group), KeptPage(lambda: _of_group().reverse())
_number = KeptCount(_of_group)
# Of a member's new address there is none: the order of a long list by addresses may be KEPT_SECONDS old.
_newest_changes = NewestChanges(
    EnterpriseGroupMembership, EnterpriseCustomerUser, PendingEnterpriseCustomerUser, EnterpriseCourseEnrollment
)
_membership_rows = KeyedStatement(
    lambda uuids: (
        EnterpriseGroupMembership.all_objects.filter(pk__in_set=uuids)
        .order_by()
        .values_list(
            "pk",
            UuidText("group_id"),
            "group__name",
            "enterprise_customer_user_id",
            "pending_enterprise_customer_user_id",
            "enterprise_customer_user__user_id",
            "enterprise_customer_user__user_fk__email",
            "enterprise_customer_user__member_name",
            "enterprise_customer_user__user_fk__first_name",
            "enterprise_customer_user__user_fk__last_name",
            "enterprise_customer_user__user_fk__profile__name",
            "pending_enterprise_customer_user__user_email",
            "status",
            "is_removed",
            "created",
            "activated_at",
            "removed_at",
            "errored_at",
            _enrollments(),
        )
    )
)


# --- Whom a change concerns -----------------------------------------------------------------------------------------


class Tie(NamedTuple):
    """A membership of a group, removed or live, by whom it ties."""

    uuid: UUID
    link_id: int | None
    pending_id: int | None
    is_removed: bool


def ties_of(group: EnterpriseGroup, links: Collection[int], pending: Collection[int]) -> list[Tie]:
    """The memberships, removed ones too, of these learner links and pending learners; locked by one statement."""
    rows = EnterpriseGroupMembership.all_objects.filter(
        Q(enterprise_customer_user__id__in_set=links) | Q(pending_enterprise_customer_user__id__in_set=pending),
        group=group,
    )
    locked = rows.order_by("pk").select_for_update(of=("self",))
    columns = ("pk", "enterprise_customer_user_id", "pending_enterprise_customer_user_id", "is_removed")
    return [Tie._make(row) for row in locked.values_list(*columns)]


def live_memberships(group: EnterpriseGroup, emails: Iterable[str] | None) -> QuerySet[EnterpriseGroupMembership]:
    """Those of a group, by address of the account or pending learner, ignoring case.

    Args:
        emails: in lower case, as the database lowers; None: all.
    """
    rows = EnterpriseGroupMembership.objects.filter(group=group)
    if emails is None:
        return rows
    return rows.alias(
        account_email=Lower("enterprise_customer_user__user_fk__email"),
        waiting_email=Lower("pending_enterprise_customer_user__user_email"),
    ).filter(
        Q(account_email__in_set=list(emails))
        | Q(enterprise_customer_user__isnull=True, waiting_email__in_set=list(emails))
    )
