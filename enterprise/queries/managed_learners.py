"""The learners of one customer as its operators look for them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser, PendingEnterpriseCustomerUser


def learners_matching(customer: EnterpriseCustomer, text: str) -> QuerySet[EnterpriseCustomerUser]:
    """The linked learners whose address, user name or full name contains a text, each with account and profile."""
    learners = customer.enterprise_customer_users.filter(user_fk__isnull=False).select_related("user_fk__profile")
    if text:
        learners = learners.filter(
            Q(user_fk__email__icontains=text)
            | Q(user_fk__username__icontains=text)
            | Q(user_fk__profile__name__icontains=text)
        )
    return learners.order_by("-pk")


def pending_matching(customer: EnterpriseCustomer, text: str) -> QuerySet[PendingEnterpriseCustomerUser]:
    """The customer's pending learners whose address contains a text."""
    pending = customer.pending_enterprise_customer_users.order_by("-pk")
    return pending.filter(user_email__icontains=text) if text else pending
