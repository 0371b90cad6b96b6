"""Addresses that are to be learners: links where there is an account, else pending learners.

Contract: enterprise-learners, pending-enterprise-learner and link_pending_enterprise_users.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import IntegrityError, transaction

from enterprise.models import EnterpriseCustomer, PendingEnterpriseCustomerUser
from enterprise.queries.emails import accounts_with, lowered
from enterprise.queries.learners import pending_learners
from enterprise.services import links


class Newcomer(NamedTuple):
    """Somebody who is to be a learner of a customer."""

    customer: EnterpriseCustomer
    email: str


class AlreadyPending(Exception):
    """Another pending learner of the customer has the address, whatever its capitals. Nothing was changed."""


class NotPending(Exception):
    """The pending learner is gone."""


@transaction.atomic
def add(newcomers: Sequence[Newcomer]) -> bool:
    """Links the accounts with these addresses, and makes pending learners of the addresses without one.

    An explicit act: barred learners are linked again. The link of an account, new or not, is active if the account is.
    A pending learner of an account's address stays, until that account is saved. A fixed number of statements.

    Returns:
        Whether any link or pending learner was made, or any link revived.
    """
    accounts = {account.lowered: account for account in accounts_with(email for _, email in newcomers)}
    wishes, waiting = [], []
    for customer, email in newcomers:
        account = accounts.get(lowered(email))
        if account is None:
            waiting.append((customer.pk, email))
        else:
            wishes.append(links.Wish(customer, account, active=account.is_active))
    outcomes: list[links.Outcome | links.PendingOutcome] = []
    if wishes:
        outcomes += links.link_all(wishes)
    outcomes += links.link_all_pending(waiting)
    return any(outcome.created for outcome in outcomes)


@transaction.atomic
def change(pending: PendingEnterpriseCustomerUser, newcomer: Newcomer) -> None:
    """Gives a pending learner another customer or address; what waits for it stays with it.

    Raises:
        AlreadyPending: somebody else is that already.
        NotPending: it is gone.
    """
    row = _locked(pending)
    if (row.enterprise_customer_id, row.user_email) == (newcomer.customer.pk, newcomer.email):
        return
    if pending_learners(newcomer.customer.pk, [newcomer.email]).exclude(pk=row.pk).exists():
        raise AlreadyPending(newcomer.email)
    row.enterprise_customer, row.user_email = newcomer
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:  # somebody else was quicker
        raise AlreadyPending(newcomer.email) from error


@transaction.atomic
def delete(pending: PendingEnterpriseCustomerUser) -> None:
    """Deletes a pending learner with its pending enrollments; group memberships lose their pending link.

    Raises:
        NotPending: it is gone already.
    """
    links.remove_pending([_locked(pending).pk])


def _locked(pending: PendingEnterpriseCustomerUser) -> PendingEnterpriseCustomerUser:
    row = PendingEnterpriseCustomerUser.objects.select_for_update().filter(pk=pending.pk).first()
    if row is None:
        raise NotPending(str(pending))
    return row
