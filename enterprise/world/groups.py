"""Groups and their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from config.world import Column, Entry, Load, Objects, Reference, Refused, Section, Shape, Table, columns
from enrollments.world.lookups import ACCOUNT
from enterprise.models import EnterpriseGroup, EnterpriseGroupMembership, PendingEnterpriseCustomerUser
from enterprise.world.learners import PENDING_LEARNER_TABLE
from enterprise.world.lookups import CUSTOMER, links_of

_MEMBER = Shape(
    optional_key=("user", "email"),
    ignoring_case=frozenset({"email"}),
    fields={
        "user": Reference(ACCOUNT),
        "email": Column(PendingEnterpriseCustomerUser._meta.get_field("user_email")),
        **columns(
            EnterpriseGroupMembership,
            "uuid",
            "status",
            "activated_at",
            "removed_at",
            "errored_at",
            "is_removed",
            "created",
            "modified",
        ),
    },
)
_GROUP_TABLE = Table(model=EnterpriseGroup, key=("uuid",))
_MEMBERSHIP_TABLE = Table(
    model=EnterpriseGroupMembership,
    key=("group_id", "enterprise_customer_user_id", "pending_enterprise_customer_user_id"),
    in_bulk=True,
)


def _load_groups(load: Load, entries: list[Entry]) -> None:
    _GROUP_TABLE.store(load, entries)
    lists = [(entry, entry.given["members"]) for entry in entries if "members" in entry.given]
    members = [(entry.row.enterprise_customer_id, member) for entry, own in lists for member in own]
    for _, member in members:
        if ("user" in member.given) == ("email" in member.given):
            load.note(Refused(member.place, "A member has either a user or an email."))
    load.stop_if_refused()
    _find_learners(load, [pair for pair in members if "user" in pair[1].given])
    _find_pending(load, [pair for pair in members if "email" in pair[1].given])
    _MEMBERSHIP_TABLE.store_lists(load, lists, "group_id")


def _find_learners(load: Load, members: Sequence[tuple[Any, Entry]]) -> None:
    links = links_of([(customer, member.given["user"]) for customer, member in members])
    for customer, member in members:
        link, _ = links.get((customer, member.given["user"]), (None, False))
        if link is None:
            load.note(Refused(member.place.field("user"), "This account has no learner link with the customer."))
        member.values |= {"enterprise_customer_user_id": link, "pending_enterprise_customer_user_id": None}
        member.defaults["status"] = EnterpriseGroupMembership.Status.ACCEPTED
    load.stop_if_refused()


def _find_pending(load: Load, members: Sequence[tuple[Any, Entry]]) -> None:
    """The pending learners of the addresses, made where they are missing."""
    learners: dict[tuple[Any, str], Entry] = {}
    for customer, member in members:
        email = member.given["email"]
        values = {"enterprise_customer_id": customer, "user_email": email}
        learners.setdefault((customer, email.casefold()), Entry(member.place, member.shape, values=values))
    PENDING_LEARNER_TABLE.store(load, list(learners.values()))
    for customer, member in members:
        learner = learners[customer, member.given["email"].casefold()].row.pk
        member.values |= {"enterprise_customer_user_id": None, "pending_enterprise_customer_user_id": learner}
        member.defaults["status"] = EnterpriseGroupMembership.Status.PENDING


GROUPS = Section(
    name="groups",
    key=("uuid",),
    fields={
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        **columns(EnterpriseGroup, "uuid", "name", "group_type", "is_removed", "created", "modified"),
        "members": Objects(_MEMBER),
    },
    load=_load_groups,
)
