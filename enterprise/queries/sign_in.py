"""Signing in for a customer (contract: clients 3, proxy-login; 3.1, select/active)."""

from __future__ import annotations

from django.db.models import QuerySet

from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerIdentityProvider,
    EnterpriseCustomerInviteKey,
    EnterpriseCustomerUser,
)
from enterprise.queries.customers import parsed_uuid


def customer_to_sign_in_for(slug: str, invite_key: str) -> EnterpriseCustomer | None:
    """The customer that an address names by its slug, or instead by one of its invite keys."""
    if slug:
        return EnterpriseCustomer.objects.filter(slug=slug).first()
    key = parsed_uuid(invite_key)
    if key is None:
        return None
    keys = EnterpriseCustomerInviteKey.objects.filter(pk=key)
    return EnterpriseCustomer.objects.filter(pk__in=keys.order_by().values("enterprise_customer")).first()


def provider_to_sign_in_with(customer: EnterpriseCustomer, wanted: str) -> str | None:
    """The identity provider of a sign-in: the wanted one if it is the customer's, else its only one, else its default.

    Args:
        wanted: such as `saml-acme`; may be empty.
    """
    rows = EnterpriseCustomerIdentityProvider.objects.filter(enterprise_customer=customer).order_by("created", "pk")
    providers = dict(rows.values_list("provider_id", "default_provider"))
    if wanted in providers:
        return wanted
    if len(providers) == 1:
        return next(iter(providers))
    return next((provider for provider, is_default in providers.items() if is_default), None)


def selectable_links(user_id: int) -> QuerySet[EnterpriseCustomerUser]:
    """The account's links with customers that are in use, by the customers' names."""
    links = EnterpriseCustomerUser.objects.filter(user_id=user_id, enterprise_customer__active=True)
    return links.select_related("enterprise_customer").order_by("enterprise_customer__name", "pk")


def selectable_link(user_id: int, customer_uuid: object) -> EnterpriseCustomerUser | None:
    """The account's link with the customer that has this uuid."""
    wanted = parsed_uuid(customer_uuid)
    return selectable_links(user_id).filter(enterprise_customer=wanted).first() if wanted else None
