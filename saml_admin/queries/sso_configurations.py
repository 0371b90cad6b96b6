"""Sign-on configurations that a caller works on (contract: enterprise-admins-groups-sso, SSO configuration)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from enterprise.models import EnterpriseCustomerSsoConfiguration, EnterpriseCustomerUser


def first_customer(caller: Any) -> UUID | None:
    """The customer of the caller's first link: the active one, else the latest changed."""
    links = EnterpriseCustomerUser.objects.filter(user_id=caller.pk).order_by("-active", "-modified", "pk")
    return links.values_list("enterprise_customer_id", flat=True).first()


def membership(caller: Any, customer_id: UUID) -> bool | None:
    """Whether the caller's link with a customer is active; None: there is none."""
    links = EnterpriseCustomerUser.objects.filter(user_id=caller.pk, enterprise_customer=customer_id)
    return links.values_list("active", flat=True).first()


def configurations_of(caller: Any, customer_id: UUID | None) -> QuerySet[EnterpriseCustomerSsoConfiguration]:
    """Live configurations, the oldest first: all for staff, else those of customers that the caller is linked to.

    Args:
        customer_id: only those of this customer.
    """
    rows = EnterpriseCustomerSsoConfiguration.objects.order_by("created", "pk")
    if customer_id is not None:
        rows = rows.filter(enterprise_customer=customer_id)
    if caller.is_staff:
        return rows
    linked = EnterpriseCustomerUser.objects.filter(user_id=caller.pk).order_by()
    return rows.filter(enterprise_customer__in=linked.values("enterprise_customer"))


def configuration_named(uuid: UUID) -> EnterpriseCustomerSsoConfiguration | None:
    """A configuration, removed or not, with its customer."""
    return EnterpriseCustomerSsoConfiguration.all_objects.select_related("enterprise_customer").filter(pk=uuid).first()


def provider_slug(configuration: EnterpriseCustomerSsoConfiguration) -> str:
    """The slug of the provider that this service makes of a configuration."""
    return f"sso-{configuration.pk.hex[:20]}"
