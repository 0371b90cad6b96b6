"""Learners of customers, linked and pending (contract: enterprise-learners, Data model)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from enterprise.models import PendingEnterpriseCustomerUser
from enterprise.queries.emails import with_emails


def pending_learners(customer_id: UUID, emails: Iterable[str]) -> QuerySet[Any]:
    """A customer's pending learners with these addresses, ignoring case, in order of address."""
    rows = PendingEnterpriseCustomerUser.objects.filter(enterprise_customer_id=customer_id)
    return with_emails(rows, "user_email", emails).order_by("lowered")
