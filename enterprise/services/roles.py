"""Who holds a system-wide role or a feature role (contract: roles-and-permissions 8, Role assignment operation)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import InPairs, insert_from, record_history
from enrollments.models import User
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    EnterpriseFeatureRole,
    EnterpriseFeatureUserRoleAssignment,
    SystemWideEnterpriseRole,
    SystemWideEnterpriseUserRoleAssignment,
)


class UnknownRole(ValueError):
    """No system-wide role has this name."""


def role_named(name: str) -> SystemWideEnterpriseRole:
    """The system-wide role with a name.

    Raises:
        UnknownRole: there is none.
    """
    try:
        return SystemWideEnterpriseRole.objects.get(name=name)
    except SystemWideEnterpriseRole.DoesNotExist as error:
        raise UnknownRole(f"There is no system-wide role {name!r}.") from error


def assign(
    user: User, role_name: str, enterprise: EnterpriseCustomer | None = None, all_contexts: bool = False
) -> SystemWideEnterpriseUserRoleAssignment:
    """Gives a user a role for a customer, or for all of them; one who holds it already keeps the row as it is.

    Args:
        all_contexts: written on creation only, and never compared: repeating with another value changes nothing.
    Raises:
        UnknownRole: there is no such role.
        ValidationError: neither a customer nor all contexts, for a role that needs one of them.
    """
    assignment, _ = SystemWideEnterpriseUserRoleAssignment.objects.get_or_create(
        user=user,
        role=role_named(role_name),
        enterprise_customer=enterprise,
        defaults={"applies_to_all_contexts": all_contexts},
    )
    return assignment


def remove(user: User, role_name: str, enterprise: EnterpriseCustomer | None = None) -> int:
    """Takes a role from a user, for one customer or altogether. Returns the number of rows that went."""
    assignments = SystemWideEnterpriseUserRoleAssignment.objects.filter(user=user, role__name=role_name)
    return _delete(assignments.filter(enterprise_customer=enterprise) if enterprise else assignments)


def assign_to_learners(role_name: str, links: Collection[int]) -> int:
    """Gives the accounts of links a role for the customer of each link, where they lack it. Three statements at most.

    Args:
        links: ids of learner links; those whose account is gone are left out.
    Returns:
        How many lacked it.
    """
    if not links:
        return 0
    now = timezone.now()
    with transaction.atomic():
        of_accounts = EnterpriseCustomerUser.all_objects.filter(pk__in_set=links, user_fk__isnull=False)
        inserted = insert_from(
            SystemWideEnterpriseUserRoleAssignment,
            of_accounts.order_by("user_id", "pk"),
            {
                "user_id": F("user_fk_id"),
                "role_id": role_named(role_name).pk,
                "enterprise_customer_id": F("enterprise_customer_id"),
                "applies_to_all_contexts": False,
                "created": now,
                "modified": now,
            },
        )
        _record([pk for (pk,) in inserted], "+")
    return len(inserted)


def remove_from_learners(learners: Collection[tuple[UUID, int]], *role_names: str) -> int:
    """Takes roles from accounts, each for one customer. Three statements at most; returns the number of rows that went.

    Args:
        learners: uuid of the customer, id of the account.
    """
    if not learners:
        return 0
    return _delete(
        SystemWideEnterpriseUserRoleAssignment.objects.filter(
            InPairs("enterprise_customer_id", "user_id", learners), role__name__in=role_names
        )
    )


def assign_features(user: User, *names: str) -> None:
    """Gives a user feature roles, where they are not held. The caller has locked the account."""
    held = EnterpriseFeatureUserRoleAssignment.objects.filter(user=user, role__name__in=names)
    missing = set(names) - set(held.values_list("role__name", flat=True))
    granted = [EnterpriseFeatureRole.objects.get_or_create(name=name)[0] for name in sorted(missing)]
    EnterpriseFeatureUserRoleAssignment.objects.bulk_create(
        EnterpriseFeatureUserRoleAssignment(user=user, role=role) for role in granted
    )


def _delete(assignments: QuerySet[SystemWideEnterpriseUserRoleAssignment]) -> int:
    with transaction.atomic():
        ids = list(assignments.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
        if ids:
            _record(ids, "-")
            rows: Any = SystemWideEnterpriseUserRoleAssignment.objects.filter(pk__in_set=ids)
            rows._raw_delete(rows.db)
        return len(ids)


def _record(ids: list[int], change: str) -> None:
    record_history(SystemWideEnterpriseUserRoleAssignment, ids, change, user_id=acting_account_id())
