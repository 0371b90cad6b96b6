"""Admins who are invited, and what becomes of them (contract: enterprise-admins-groups-sso, Data model; roles 8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from config.db.history import acting_account_id
from config.db.sets import record_history
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    EnterpriseGroupMembership,
    PendingEnrollment,
    PendingEnterpriseCustomerAdminUser,
)
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE
from enterprise.queries.emails import with_emails
from enterprise.queries.learners import pending_learners
from enterprise.services import links, roles


class AlreadyInvited(Exception):
    """The address is a pending admin of the customer already, whatever its capitals."""


@transaction.atomic
def create_pending_admin(customer: EnterpriseCustomer, email: str, **values: Any) -> PendingEnterpriseCustomerAdminUser:
    """Invites an admin: the pending admin, and the pending learner that comes with it.

    Args:
        email: stored as given, compared ignoring case.
        values: further fields of the row, such as `created`.
    Raises:
        AlreadyInvited: nothing was changed.
    """
    invitations = PendingEnterpriseCustomerAdminUser.objects.filter(enterprise_customer=customer)
    if with_emails(invitations, "user_email", [email]).exists():
        raise AlreadyInvited(email)
    try:
        with transaction.atomic():
            invited = PendingEnterpriseCustomerAdminUser.objects.create(
                enterprise_customer=customer, user_email=email, **values
            )
    except IntegrityError as error:
        raise AlreadyInvited(email) from error
    links.link_pending(customer, [email])
    return invited


@transaction.atomic
def delete_pending_admin(invited: PendingEnterpriseCustomerAdminUser) -> None:
    """Takes an invitation back. The pending learner goes with it, unless it stood before or something waits for it.

    Something: pending enrollments or group memberships.
    """
    learners = pending_learners(invited.enterprise_customer_id, [invited.user_email]).filter(
        created__gte=invited.created
    )
    ids = list(learners.select_for_update().values_list("pk", flat=True))
    waited_for = {
        *PendingEnrollment.objects.filter(user__in=ids).values_list("user_id", flat=True),
        *EnterpriseGroupMembership.all_objects.filter(pending_enterprise_customer_user__in=ids).values_list(
            "pending_enterprise_customer_user_id", flat=True
        ),
    }
    invited.delete()
    links.remove_pending([pk for pk in ids if pk not in waited_for])


def activate_pending_admins(invited: Mapping[int, int], links_of: Collection[EnterpriseCustomerUser]) -> None:
    """Turns invited admins into admins: the admin record, the role `enterprise_admin`, and the invitation gone.

    An invited account whose link does not stand loses the role for that customer instead, and stays invited. A fixed
    number of statements. The accounts are locked.

    Args:
        invited: id of a pending admin -> id of the account with its address.
        links_of: all links, unlinked ones too, of these accounts with the customers that invited them.
    """
    rows = PendingEnterpriseCustomerAdminUser.objects.filter(pk__in_set=invited.keys())
    customers = dict(rows.values_list("pk", "enterprise_customer_id"))
    by_pair = {(link.enterprise_customer_id, link.user_id): link for link in links_of}
    standing: dict[int, EnterpriseCustomerUser] = {}
    unlinked: set[tuple[UUID, int]] = set()
    for pk, customer_id in customers.items():
        pair = (customer_id, invited[pk])
        link = by_pair.get(pair)
        if link is not None and link.linked:
            standing[pk] = link
        elif link is not None:
            unlinked.add(pair)
    roles.remove_from_learners(unlinked, ENTERPRISE_ADMIN_ROLE)
    if not standing:
        return
    EnterpriseCustomerAdmin.objects.bulk_create(
        [EnterpriseCustomerAdmin(enterprise_customer_user=link) for link in standing.values()], ignore_conflicts=True
    )
    roles.assign_to_learners(ENTERPRISE_ADMIN_ROLE, {link.pk for link in standing.values()})
    record_history(PendingEnterpriseCustomerAdminUser, list(standing), "-", user_id=acting_account_id())
    gone: Any = PendingEnterpriseCustomerAdminUser.objects.filter(pk__in_set=standing.keys())
    gone._raw_delete(gone.db)
