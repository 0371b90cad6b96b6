"""What a customer's identity provider says of a person (contract: enterprise-admins-groups-sso, user_details)."""

from __future__ import annotations

from typing import Any

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerIdentityProvider
from saml_admin.models import SAMLProviderConfig
from saml_admin.queries.providers import current_providers, slug_of
from saml_admin.success_factors import user_details as ask_success_factors


def customer_of_organization(org_id: str) -> EnterpriseCustomer | None:
    """The active customer with an external organisation id."""
    return EnterpriseCustomer.objects.filter(auth_org_id=org_id).first()


def user_details(customer: EnterpriseCustomer, external_user_id: str) -> dict[str, Any]:
    """What the customer's only identity provider says of a person; empty if it says nothing, or is not the only one."""
    links = list(EnterpriseCustomerIdentityProvider.objects.filter(enterprise_customer=customer)[:2])
    slug = slug_of(links[0].provider_id) if len(links) == 1 else None
    provider = current_providers([slug]).filter(archived=False).first() if slug else None
    if provider is None:
        return {}
    if provider.identity_provider_type == SAMLProviderConfig.ProviderType.SAP:
        return ask_success_factors(provider, external_user_id)
    return {
        "username": external_user_id,
        "email": provider.default_email or None,
        "first_name": provider.default_first_name or None,
        "last_name": provider.default_last_name or None,
        "fullname": provider.default_full_name or None,
    }
