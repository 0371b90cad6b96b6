"""Learners of customers, linked and pending (contract: enterprise-learners, Data model).

The list of learners is read in a fixed number of statements: the ids of the page alone, through an index that holds all
that selects and orders them, so that late pages cost no more than early ones; then what answers say of those rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BooleanField, CharField, PositiveBigIntegerField, QuerySet, UUIDField, Value
from rest_framework.exceptions import NotFound

from config.db.ids import row_id
from config.db.reads import (
    EitherEnd,
    Given,
    KeptCount,
    KeptPage,
    KeptRows,
    KeyedStatement,
    WireTime,
)
from enrollments.models import User
from enterprise.models import (
    DataSharingConsent,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    EnterpriseGroupMembership,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.queries.consents import still_required
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.emails import with_emails
from enterprise.queries.long_lists import LongList, NewestChanges

NO_SUCH_LEARNER = "No EnterpriseCustomerUser matches the given query."
NO_SUCH_PENDING_LEARNER = "No PendingEnterpriseCustomerUser matches the given query."

# The Django groups that answers name.
API_ACCESS_GROUPS = ("enterprise_data_api_access", "enterprise_enrollment_api_access")


# --- Pending learners ---------------------------------------------------------------------------------------------


def pending_learners(customer_id: UUID, emails: Iterable[str]) -> QuerySet[Any]:
    """A customer's pending learners with these addresses, ignoring case, in order of address."""
    return pending_learners_of([customer_id], emails)


def pending_learners_of(customer_ids: Collection[UUID], emails: Iterable[str]) -> QuerySet[Any]:
    """The pending learners of some customers with these addresses, as `pending_learners` gives those of one."""
    rows = PendingEnterpriseCustomerUser.objects.filter(enterprise_customer__uuid__in_set=customer_ids)
    return with_emails(rows, "user_email", emails).order_by("lowered", "enterprise_customer_id")


def all_pending_learners() -> QuerySet[PendingEnterpriseCustomerUser]:
    """Those of all customers, the oldest first."""
    return PendingEnterpriseCustomerUser.objects.order_by("created", "pk")


def one_pending_learner(rows: QuerySet[PendingEnterpriseCustomerUser], key: object) -> PendingEnterpriseCustomerUser:
    """The pending learner that a path names, among some.

    Raises:
        NotFound: `Not found.` for a text that is no number, else the model's text.
    """
    found = rows.select_related("enterprise_customer").filter(pk=_number(key)).first()
    if found is None:
        raise NotFound(NO_SUCH_PENDING_LEARNER)
    return found


def customers_named(uuids: Iterable[object]) -> dict[UUID, EnterpriseCustomer]:
    """The customers, active or not, with these uuids; what spells none is passed over. One statement, or none."""
    keys = {uuid for uuid in map(parsed_uuid, uuids) if uuid is not None}
    found = EnterpriseCustomer.all_objects.filter(pk__in_set=keys).order_by() if keys else ()
    return {customer.pk: customer for customer in found}


def accounts_named(usernames: Iterable[object]) -> dict[str, User]:
    """The accounts with exactly these user names; blanks around them do not count. One statement, or none."""
    keys = {str(username).strip() for username in usernames if isinstance(username, str | int)}
    return {account.username: account for account in User.objects.filter(username__in_set=keys)} if keys else {}


# --- Linked learners ----------------------------------------------------------------------------------------------


def visible_learners(caller: Any) -> QuerySet[EnterpriseCustomerUser]:
    """Links that stand: all for staff, else the caller's own."""
    rows = EnterpriseCustomerUser.objects.order_by("-active", "-modified", "pk")
    return rows if caller.is_staff else rows.filter(user_id=caller.pk)


def learners_of_customer(customer_id: UUID) -> tuple[EitherEnd, LongList]:
    """The ids of `visible_learners` of one customer for staff, in tuples, for a paginator, and what it counts."""
    given: dict[str, Any] = {"customer": customer_id}
    number = LongList(f"learners:{customer_id}", lambda: _number_of_customer(**given), _newest_changes)
    return EitherEnd(KeptRows(_of_customer, _of_customer_backwards, "default", given), number), number


def one_learner(rows: QuerySet[EnterpriseCustomerUser], key: object) -> EnterpriseCustomerUser:
    """The link that a path names, among some, with its customer and account.

    Raises:
        NotFound: `Not found.` for a text that is no number, else the model's text.
    """
    found = rows.select_related("enterprise_customer", "user_fk").filter(pk=_number(key)).first()
    if found is None:
        raise NotFound(NO_SUCH_LEARNER)
    return found


def _number(key: object) -> int:
    """
    Raises:
        NotFound: it is none that an id can be.
    """
    number = row_id(key)
    if number is None:
        raise NotFound
    return number


class Learner(NamedTuple):
    """A link with its account, whose columns are None when it is gone; moments as answers write them."""

    id: int
    customer_id: UUID
    active: bool
    user_id: int
    created: str
    invite_key: UUID | None
    account_id: int | None
    username: str
    first_name: str
    last_name: str
    email: str
    is_staff: bool
    is_active: bool
    date_joined: str


class Consent(NamedTuple):
    """What a learner answered for a course or run, and whether the customer still requires an answer."""

    course_id: str
    granted: bool | None
    required: bool


@dataclass(slots=True)
class Belongings:
    """What a learner has at one customer, beside the link."""

    roles: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    enterprise_groups: list[UUID] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)


def learners(ids: Sequence[int]) -> list[Learner]:
    """The links with these ids, in this order; one that is gone meanwhile is left out. One statement."""
    found = {row[0]: Learner._make(row) for row in _learner_rows(ids)}
    return [found[each] for each in ids if each in found]


def belongings(rows: Collection[Learner], consent_wanted: Mapping[UUID, bool]) -> dict[int, Belongings]:
    """What learners have, by id of the link. One statement, and three of the catalogs while a consent is open.

    Args:
        consent_wanted: for each customer, whether it asks for consent at enrollment.
    """
    found = {row.id: Belongings() for row in rows}
    by_learner = {(row.customer_id, row.user_id): found[row.id] for row in rows}
    by_name = {(row.customer_id, row.username): found[row.id] for row in rows if row.account_id is not None}
    by_account: dict[int, list[Belongings]] = defaultdict(list)
    for row in rows:
        by_account[row.user_id].append(found[row.id])
    answers = []
    for user_id, customer_id, name, group_id, username, granted in _belonging_rows(by_account):
        if username is not None:
            if (customer_id, username) in by_name:
                answers.append((customer_id, username, name, granted))
        elif customer_id is None:
            for each in by_account[user_id]:
                each.groups.append(name)
        elif (learner := by_learner.get((customer_id, user_id))) is None:
            continue
        elif name is not None:
            learner.roles.append(name)
        elif group_id not in learner.enterprise_groups:
            learner.enterprise_groups.append(group_id)
    required = still_required([(each[0], each[2], each[3]) for each in answers], consent_wanted)
    for customer_id, username, course_id, granted in sorted(answers, key=itemgetter(2)):
        is_required = not granted and (customer_id, course_id) in required
        by_name[customer_id, username].consents.append(Consent(course_id, granted, is_required))
    for each in found.values():
        each.roles.sort()
    return found


def _ids_of_customer() -> QuerySet[Any, Any]:
    links = EnterpriseCustomerUser.objects.filter(enterprise_customer=Given("customer", UUIDField()))
    return links.order_by("-active", "-modified", "pk").values_list("pk")


_of_customer = KeptPage(_ids_of_customer)
_of_customer_backwards = KeptPage(lambda: _ids_of_customer().reverse())
_number_of_customer = KeptCount(_ids_of_customer)
_newest_changes = NewestChanges(EnterpriseCustomerUser)
_learner_rows = KeyedStatement(
    lambda ids: (
        EnterpriseCustomerUser.objects.filter(pk__in_set=ids)
        .order_by()
        .values_list(
            "pk",
            "enterprise_customer_id",
            "active",
            "user_id",
            WireTime("created"),
            "invite_key_id",
            "user_fk__id",
            "user_fk__username",
            "user_fk__first_name",
            "user_fk__last_name",
            "user_fk__email",
            "user_fk__is_staff",
            "user_fk__is_active",
            WireTime("user_fk__date_joined"),
        )
    )
)


def _belongings_of(user_ids: list[int]) -> QuerySet[Any, Any]:
    """(account, customer, name, group, username, granted) of what accounts have; which kind it is, the nulls say.

    Consents have a username, Django groups no customer, memberships a group, roles a name besides. The consents come
    first: PostgreSQL takes the types of a union from its first part, SQLite what turns columns into values.
    """
    accounts = User.objects.filter(pk__in_set=user_ids).order_by().values("username")
    consents = DataSharingConsent.objects.filter(username__in=accounts)
    memberships = EnterpriseGroupMembership.objects.filter(
        enterprise_customer_user__linked=True, enterprise_customer_user__user_id__in_set=user_ids
    )
    roles = SystemWideEnterpriseUserRoleAssignment.objects.filter(
        user__id__in_set=user_ids, enterprise_customer__isnull=False
    )
    groups = User.groups.through.objects.filter(user__id__in_set=user_ids, group__name__in=API_ACCESS_GROUPS)
    parts = [
        consents.values_list(_NO_NUMBER, "enterprise_customer_id", "course_id", _NO_UUID, "username", "granted"),
        memberships.values_list(
            "enterprise_customer_user__user_id",
            "enterprise_customer_user__enterprise_customer_id",
            _NO_TEXT,
            "group_id",
            _NO_TEXT,
            _NO_BOOLEAN,
        ),
        roles.values_list("user_id", "enterprise_customer_id", "role__name", _NO_UUID, _NO_TEXT, _NO_BOOLEAN),
        groups.values_list("user_id", _NO_UUID, "group__name", _NO_UUID, _NO_TEXT, _NO_BOOLEAN),
    ]
    first, *others = [part.order_by() for part in parts]
    return first.union(*others, all=True)


_NO_NUMBER = Value(None, output_field=PositiveBigIntegerField())
_NO_UUID = Value(None, output_field=UUIDField())
_NO_TEXT = Value(None, output_field=CharField())
_NO_BOOLEAN = Value(None, output_field=BooleanField())
_belonging_rows = KeyedStatement(_belongings_of)
