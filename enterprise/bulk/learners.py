"""The links of a chunk's accounts with the job's customer (contract: enterprise-learners, link)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F, QuerySet

from config.db.sets import insert_from, record_history
from enrollments.services.profiles import clear_language_preference
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    SystemWideEnterpriseRole,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.learners import MEMBER_COPIES
from enterprise.models.roles import ENTERPRISE_LEARNER_ROLE
from enterprise.services import member_names


class _Link(NamedTuple):
    id: int
    active: bool
    linked: bool
    is_relinkable: bool
    should_inactivate_other_customers: bool


class Links:
    """Links accounts in sets: `read`, then `join` for each learner who is not `barred`, then `write`."""

    def __init__(self, customer: EnterpriseCustomer) -> None:
        self.customer = customer
        self._known: dict[int, _Link] = {}
        self._active_elsewhere: dict[int, list[int]] = {}
        self._new: dict[int, int] = {}
        self._revived: dict[int, int] = {}
        self._joined: set[int] = set()

    def read(self, account_ids: Collection[int]) -> None:
        """Locks the accounts' links, the unlinked ones too."""
        links = EnterpriseCustomerUser.all_objects.filter(user_id__in_set=account_ids)
        locked = links.order_by("user_id", "enterprise_customer_id").select_for_update(no_key=True)
        for account_id, customer_id, *values in locked.values_list("user_id", "enterprise_customer_id", *_Link._fields):
            link = _Link(*values)
            if customer_id == self.customer.pk:
                self._known[account_id] = link
            elif link.active and link.linked:
                self._active_elsewhere.setdefault(account_id, []).append(link.id)

    def ids(self) -> dict[int, int]:
        """Account -> its link with the customer, as it was read."""
        return {account_id: link.id for account_id, link in self._known.items()}

    def barred(self, account_id: int) -> bool:
        """Whether an admin removed the learner for good."""
        link = self._known.get(account_id)
        return link is not None and not link.linked and not link.is_relinkable

    def join(self, account_id: int, row_id: int) -> None:
        """Has the account linked and active for the customer; `row_id` is a row that names it."""
        if account_id in self._joined:
            return
        self._joined.add(account_id)
        link = self._known.get(account_id)
        if link is None:
            self._new[account_id] = row_id
        elif not (link.active and link.linked) or self._leaves(account_id):
            self._revived[link.id] = row_id

    def write(self, rows: QuerySet[Any], moment: datetime, by: dict[str, Any]) -> None:
        """Writes the links with their history, the learner role, and what a new link drags along.

        Args:
            rows: the job's rows, with `account_id`.
            by: `user_id` and `reason` of the history.
        """
        if self._new:
            made = insert_from(
                EnterpriseCustomerUser,
                rows.filter(pk__in_set=list(self._new.values())).order_by("account_id"),
                {
                    "enterprise_customer_id": self.customer.pk,
                    "user_id": F("account_id"),
                    "user_fk_id": F("account_id"),
                    "active": True,
                    "linked": True,
                    "is_relinkable": True,
                    "invite_key_id": None,
                    "should_inactivate_other_customers": True,
                    **dict.fromkeys(MEMBER_COPIES, ""),
                    "created": moment,
                    "modified": moment,
                },
                expect=len(self._new),
            )
            record_history(EnterpriseCustomerUser, [link_id for (link_id,) in made], "+", moment=moment, **by)
            member_names.refresh(list(self._new))
            if self.customer.default_language:
                clear_language_preference(list(self._new))
        if self._revived:
            revived = EnterpriseCustomerUser.all_objects.filter(pk__in_set=list(self._revived))
            revived.update(active=True, linked=True, modified=moment)
            record_history(EnterpriseCustomerUser, list(self._revived), "~", moment=moment, **by)
        self._leave_other_customers()
        self._give_role(rows, moment, by)

    def _leave_other_customers(self) -> None:
        """A learner acts for one customer at a time. A plain update: the contract wants no history of it."""
        left = [link_id for account_id in self._joined for link_id in self._leaves(account_id)]
        if left:
            EnterpriseCustomerUser.all_objects.filter(pk__in_set=left).update(active=False)

    def _leaves(self, account_id: int) -> list[int]:
        """The links of other customers that joining makes inactive."""
        link = self._known.get(account_id)
        leaves_others = link is None or link.should_inactivate_other_customers
        return self._active_elsewhere.get(account_id, []) if leaves_others else []

    def _give_role(self, rows: QuerySet[Any], moment: datetime, by: dict[str, Any]) -> None:
        saved = [*self._new.values(), *self._revived.values()]
        if not saved:
            return
        given = insert_from(
            SystemWideEnterpriseUserRoleAssignment,
            rows.filter(pk__in_set=saved).order_by("account_id"),
            {
                "user_id": F("account_id"),
                "role_id": SystemWideEnterpriseRole.objects.filter(name=ENTERPRISE_LEARNER_ROLE).values("pk"),
                "enterprise_customer_id": self.customer.pk,
                "applies_to_all_contexts": False,
                "created": moment,
                "modified": moment,
            },
        )
        record_history(SystemWideEnterpriseUserRoleAssignment, [key for (key,) in given], "+", moment=moment, **by)
