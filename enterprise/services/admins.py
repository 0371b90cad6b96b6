"""Admins who are invited, and what becomes of them (contract: enterprise-admins-groups-sso, Data model; roles 8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import delete_recorded, insert_given, record_history
from enrollments.models import User
from enrollments.services import accounts, outbox
from enrollments.services.bulk import lock_accounts
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    EnterpriseFeatureUserRoleAssignment,
    EnterpriseGroupMembership,
    OnboardingFlow,
    PendingEnrollment,
    PendingEnterpriseCustomerAdminUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE
from enterprise.queries.admin_members import admin_addresses, learner_addresses
from enterprise.queries.emails import lowered, with_emails
from enterprise.queries.learners import pending_learners
from enterprise.services import admin_mails, links, roles


class AlreadyInvited(Exception):
    """The address is a pending admin of the customer already, whatever its capitals."""


class NoSuchInvitation(Exception):
    """The invitation is gone."""


class NotAnAdmin(Exception):
    """The customer has no linked, active learner with this link."""


class NoAdminRecord(Exception):
    """The learner has no admin record."""


class UnknownFlow(LookupError):
    """There is no tour with this uuid."""


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
def take_back(customer: EnterpriseCustomer, number: int) -> str:
    """Takes an invitation of a customer back, as `delete_pending_admin`; returns its address.

    Raises:
        NoSuchInvitation: the customer has none with this id.
    """
    invited = PendingEnterpriseCustomerAdminUser.objects.select_for_update().filter(
        enterprise_customer=customer, pk=number
    )
    for row in invited:
        delete_pending_admin(row)
        return row.user_email
    raise NoSuchInvitation(str(number))


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


# --- Invitations --------------------------------------------------------------------------------------------------

SENT, SENT_BEFORE, ADMIN_ALREADY = "invite sent", "already sent", "already admin"


@transaction.atomic
def invite(customer: EnterpriseCustomer, emails: Sequence[str]) -> list[tuple[str, str]]:
    """Invites addresses to administer a customer, each with a mail; a fixed number of statements.

    Args:
        emails: in lower case, no two alike.
    Returns:
        Each address with what became of it: SENT, SENT_BEFORE or ADMIN_ALREADY.
    """
    admins = set(admin_addresses(customer.pk, emails))
    missing = [email for email in emails if lowered(email) not in admins]
    moment = timezone.now()
    learners = set(learner_addresses(customer.pk, missing))
    made = insert_given(
        PendingEnterpriseCustomerAdminUser,
        ("enterprise_customer", "user_email"),
        [(customer.pk, email) for email in missing],
        {"created": moment, "modified": moment},
        order_by=("user_email",),
        returning=("pk", "user_email"),
    )
    record_history(
        PendingEnterpriseCustomerAdminUser, [pk for pk, _ in made], "+", user_id=acting_account_id(), moment=moment
    )
    links.link_pending(customer, [email for _, email in made])
    outbox.queue(admin_mails.invitation(pk, email, lowered(email) in learners) for pk, email in made)
    invited = {email for _, email in made}
    return [
        (email, ADMIN_ALREADY if lowered(email) in admins else SENT if email in invited else SENT_BEFORE)
        for email in emails
    ]


@transaction.atomic
def change_pending_admin(
    invited: PendingEnterpriseCustomerAdminUser, customer: EnterpriseCustomer, email: str
) -> PendingEnterpriseCustomerAdminUser:
    """Gives an invitation another customer or address, with the pending learner that belongs to it.

    Raises:
        AlreadyInvited: somebody else is invited so already.
        NoSuchInvitation: it is gone.
    """
    row = PendingEnterpriseCustomerAdminUser.objects.select_for_update().filter(pk=invited.pk).first()
    if row is None:
        raise NoSuchInvitation(str(invited))
    others = PendingEnterpriseCustomerAdminUser.objects.filter(enterprise_customer=customer).exclude(pk=row.pk)
    if with_emails(others, "user_email", [email]).exists():
        raise AlreadyInvited(email)
    if (row.enterprise_customer_id, row.user_email) != (customer.pk, email):
        row.enterprise_customer, row.user_email = customer, email
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError as error:  # somebody else was quicker
            raise AlreadyInvited(email) from error
    links.link_pending(customer, [email])
    return row


# --- Admins -------------------------------------------------------------------------------------------------------


@transaction.atomic
def make_admin(customer: EnterpriseCustomer, account: User) -> tuple[EnterpriseCustomerAdmin, bool]:
    """Makes an account an admin of a customer: link, record and role, each where it is missing; the invitation goes.

    Returns:
        The record, and whether it is new.
    """
    lock_accounts({account.pk})
    link = EnterpriseCustomerUser.objects.filter(enterprise_customer=customer, user_id=account.pk).first()
    if link is None:
        link, _ = links.link_account(customer, account)
    record, created = EnterpriseCustomerAdmin.objects.get_or_create(enterprise_customer_user=link)
    roles.assign_to_learners(ENTERPRISE_ADMIN_ROLE, [link.pk])
    invitations = PendingEnterpriseCustomerAdminUser.objects.filter(enterprise_customer=customer)
    ids = list(with_emails(invitations, "user_email", [account.email]).values_list("pk", flat=True))
    delete_recorded(PendingEnterpriseCustomerAdminUser, ids, user_id=acting_account_id())
    return record, created


@transaction.atomic
def remove_admin(customer: EnterpriseCustomer, link_id: int) -> tuple[User | None, bool]:
    """Takes the administration of a customer from a learner.

    Without any other role for the customer the link ends too; an account that is then left without any role at all
    becomes inactive.

    Returns:
        The account (None: it is gone), and whether it became inactive.
    Raises:
        NotAnAdmin: there is no such linked, active learner.
        NoAdminRecord: the learner is no admin.
    """
    standing = EnterpriseCustomerUser.objects.filter(enterprise_customer=customer, active=True, pk=link_id)
    user_id = standing.values_list("user_id", flat=True).first()
    if user_id is None:
        raise NotAnAdmin(str(link_id))
    lock_accounts({user_id})
    if not standing.select_for_update().exists():
        raise NotAnAdmin(str(link_id))
    record = EnterpriseCustomerAdmin.objects.select_for_update().filter(enterprise_customer_user=link_id).first()
    if record is None:
        raise NoAdminRecord(str(link_id))
    roles.remove_from_learners({(customer.pk, user_id)}, ENTERPRISE_ADMIN_ROLE)
    record.delete()
    account = User.objects.filter(pk=user_id).first()
    held = SystemWideEnterpriseUserRoleAssignment.objects.filter(user_id=user_id)
    if held.filter(enterprise_customer=customer).exists():
        return account, False
    links.unlink_accounts(customer, {user_id})
    if account is None or account.is_staff or account.is_superuser or held.exists():
        return account, False
    if EnterpriseFeatureUserRoleAssignment.objects.filter(user=account).exists():
        return account, False
    accounts.deactivate(account)
    return account, True


@transaction.atomic
def complete_tour_flow(record: EnterpriseCustomerAdmin, flow: OnboardingFlow) -> None:
    """Notes that the admin took a tour; twice is once."""
    record.completed_tour_flows.add(flow)


@transaction.atomic
def change_record(record: EnterpriseCustomerAdmin, values: Mapping[str, Any]) -> None:
    """Changes an admin record.

    Args:
        values: by field; `completed_tour_flows` is a list of uuids and replaces what is stored.
    Raises:
        UnknownFlow: there is no such tour; nothing was changed.
    """
    values = dict(values)
    flows = values.pop("completed_tour_flows", None)
    if flows is not None:
        known = {flow.pk: flow for flow in OnboardingFlow.objects.filter(pk__in_set=flows)}
        for flow in flows:
            if flow not in known:
                raise UnknownFlow(flow)
        record.completed_tour_flows.set(known.values())
    for name, value in values.items():
        setattr(record, name, value)
    record.save()


# --- When an account appears --------------------------------------------------------------------------------------


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
