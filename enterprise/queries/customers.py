"""Which customers a caller sees (contract: enterprise-customers 1.4, enterprise-learners "Row access")."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from rest_framework.exceptions import NotFound

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.queries.roles import PROVISIONS_CUSTOMERS, access

NO_SUCH_CUSTOMER = "No EnterpriseCustomer matches the given query."


def visible_customers(request: Any) -> QuerySet[EnterpriseCustomer]:
    """Active customers: all for staff and holders of the provisioning permission, else the caller's own."""
    customers = EnterpriseCustomer.objects.all()
    if request.user.is_staff or access(request).has(PROVISIONS_CUSTOMERS):
        return customers
    links = EnterpriseCustomerUser.objects.filter(user_id=request.user.pk, enterprise_customer=OuterRef("pk"))
    return customers.filter(Exists(links.order_by()))


def visible_customer(request: Any, uuid: object) -> EnterpriseCustomer:
    """The visible customer that a path names.

    Raises:
        NotFound: `Not found.` for a text that is no uuid, `No EnterpriseCustomer matches the given query.` for a
            customer that does not exist, is not active, or is not visible to the caller.
    """
    return one_of(visible_customers(request), uuid)


def one_of(customers: QuerySet[EnterpriseCustomer], uuid: object) -> EnterpriseCustomer:
    """The customer with this uuid among the given ones.

    Raises:
        NotFound: as `visible_customer`.
    """
    key = parsed_uuid(uuid)
    if key is None:
        raise NotFound
    customer = customers.filter(pk=key).first()
    if customer is None:
        raise NotFound(NO_SUCH_CUSTOMER)
    return customer


def parsed_uuid(text: object) -> UUID | None:
    """The uuid that a text spells; None when it spells none."""
    try:
        return text if isinstance(text, UUID) else UUID(str(text))
    except ValueError:
        return None
