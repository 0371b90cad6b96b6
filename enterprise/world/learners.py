"""Learners of customers: links of accounts, and addresses that wait for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from config.world import ROW_ID, Entry, Load, Objects, Reference, Refused, Section, Shape, Table, columns
from enrollments.queries.course_modes import best_mode
from enrollments.world.lookups import ACCOUNT, RUN
from enterprise.models import EnterpriseCustomerUser, PendingEnrollment, PendingEnterpriseCustomerUser
from enterprise.models.roles import ENTERPRISE_LEARNER_ROLE
from enterprise.queries.emails import lowered
from enterprise.services import member_names, roles
from enterprise.world.lookups import CUSTOMER, INVITE_KEY, SOURCE

# --- learners -----------------------------------------------------------------------------------------------------


def _give_account(link: EnterpriseCustomerUser) -> None:
    link.user_fk_id = link.user_id


_LINK_TABLE = Table(
    model=EnterpriseCustomerUser,
    key=("enterprise_customer_id", "user_id"),
    find_by="user_id",
    complete=_give_account,
    in_bulk=True,
)


@dataclass
class _Row:
    """A row of the file beside the link that is stored for it, if any."""

    entry: Entry
    link: EnterpriseCustomerUser | None

    @property
    def says_active(self) -> bool:
        return self.entry.given.get("active") is True

    @property
    def inactivates_others(self) -> bool:
        stored = self.link.should_inactivate_other_customers if self.link else True
        return bool(self.entry.given.get("should_inactivate_other_customers", stored))


def _load_learners(load: Load, entries: list[Entry]) -> None:
    users = list({entry.values["user_id"] for entry in entries})
    links: dict[int, dict[Any, EnterpriseCustomerUser]] = defaultdict(dict)
    for link in EnterpriseCustomerUser.all_objects.filter(user_id__in_set=users).order_by("pk"):
        links[link.user_id][link.enterprise_customer_id] = link
    rows: dict[int, list[_Row]] = defaultdict(list)
    for entry in entries:
        user_id = entry.values["user_id"]
        rows[user_id].append(_Row(entry, links[user_id].get(entry.values["enterprise_customer_id"])))
    for own in rows.values():
        _choose_active(load, own)
    _LINK_TABLE.store(load, entries)
    member_names.refresh([entry.row.user_id for entry in entries if entry.created])
    _inactivate_others(entries)
    roles.assign_to_learners(ENTERPRISE_LEARNER_ROLE, [entry.row.pk for entry in entries if entry.row.linked])
    unlinked = {(entry.row.enterprise_customer_id, entry.row.user_id) for entry in entries if not entry.row.linked}
    roles.remove_from_learners(unlinked, ENTERPRISE_LEARNER_ROLE)


def _choose_active(load: Load, rows: Sequence[_Row]) -> None:
    """Decides which rows of one account are active where the file does not say so.

    A learner acts for one customer, unless links leave others alone: for the one that says so, else for the last one.
    """
    saying = [row for row in rows if row.says_active]
    if len(saying) > 1:
        for row in saying:
            if row.inactivates_others:
                place = row.entry.place.field("should_inactivate_other_customers")
                text = "Several rows of this user say active: true; then each of them has to say false here."
                load.note(Refused(place, text))
    chosen: list[_Row] = list(saying)
    for row in rows:
        if "active" in row.entry.given:
            continue
        linked = row.entry.given.get("linked", row.link.linked if row.link else True)
        if row.link is not None:
            if not linked and row.link.linked:
                row.entry.values["active"] = False  # who is no longer linked does not act for the customer either
            continue
        active = linked and not (saying and row.inactivates_others)
        row.entry.defaults["active"] = active
        if active:
            if row.inactivates_others:
                for other in chosen:
                    other.entry.defaults["active"] = False
                chosen = []
            chosen.append(row)


def _inactivate_others(entries: Iterable[Entry]) -> None:
    """A link that was stored as active makes the other links of its account inactive, without a history of theirs."""
    acting = {
        entry.row.user_id: entry.row
        for entry in entries
        if (entry.created or entry.changed)
        and entry.row.active
        and entry.row.linked
        and entry.row.should_inactivate_other_customers
    }
    others = EnterpriseCustomerUser.objects.filter(user_id__in_set=list(acting), active=True).order_by()
    overruled = [pk for pk, user_id in others.values_list("pk", "user_id") if pk != acting[user_id].pk]
    EnterpriseCustomerUser.objects.filter(pk__in_set=overruled).update(active=False)


LEARNERS = Section(
    name="learners",
    key=("customer", "user"),
    fields={
        "id": ROW_ID,
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        "user": Reference(ACCOUNT, "user_id"),
        "invite_key": Reference(INVITE_KEY, "invite_key_id", null=True),
        **columns(
            EnterpriseCustomerUser,
            "active",
            "linked",
            "is_relinkable",
            "should_inactivate_other_customers",
            "created",
            "modified",
        ),
    },
    load=_load_learners,
)

# --- pending_learners ---------------------------------------------------------------------------------------------

_PENDING_ENROLLMENT = Shape(
    key=("course_run",),
    fields={
        "id": ROW_ID,
        "course_run": Reference(RUN, "course_id"),
        "source": Reference(SOURCE, "source_id", null=True),
        **columns(
            PendingEnrollment,
            "course_mode",
            "cohort_name",
            "discount_percentage",
            "sales_force_id",
            "license_uuid",
            "transaction_id",
            "created",
            "modified",
        ),
    },
)
PENDING_LEARNER_TABLE = Table(
    model=PendingEnterpriseCustomerUser,
    key=("enterprise_customer_id", "user_email"),
    fold={"user_email": lowered},
    in_bulk=True,
)
_PENDING_ENROLLMENT_TABLE = Table(model=PendingEnrollment, key=("user_id", "course_id"), in_bulk=True)


def _load_pending_learners(load: Load, entries: list[Entry]) -> None:
    PENDING_LEARNER_TABLE.store(load, entries)
    lists = [(entry, entry.given["pending_enrollments"]) for entry in entries if "pending_enrollments" in entry.given]
    waiting = [enrollment for _, enrollments in lists for enrollment in enrollments]
    modes = best_mode({enrollment.values["course_id"] for enrollment in waiting})
    for enrollment in waiting:
        enrollment.defaults["course_mode"] = modes[enrollment.values["course_id"]]
    _PENDING_ENROLLMENT_TABLE.store_lists(load, lists, "user_id")


PENDING_LEARNERS = Section(
    name="pending_learners",
    key=("customer", "user_email"),
    ignoring_case=frozenset({"user_email"}),
    fields={
        "id": ROW_ID,
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        **columns(PendingEnterpriseCustomerUser, "user_email", "created", "modified"),
        "pending_enrollments": Objects(_PENDING_ENROLLMENT),
    },
    load=_load_pending_learners,
)
