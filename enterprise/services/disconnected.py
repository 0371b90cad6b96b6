"""Learners who leave a customer's identity provider leave the customer.

Contract: enterprise-admins-groups-sso, Login side effects.
"""

from __future__ import annotations

from collections.abc import Sequence

from enrollments.models import UserSocialAuth
from enterprise.models import EnterpriseCustomerIdentityProvider
from enterprise.services import links

SAML = "tpa-saml"


def unlink(identities: Sequence[UserSocialAuth]) -> None:
    """Unlinks the owners of SAML identities from the customers of their providers."""
    providers = {
        identity: f"saml-{identity.uid.partition(':')[0]}" for identity in identities if identity.provider == SAML
    }
    if not providers:
        return
    rows = EnterpriseCustomerIdentityProvider.objects.filter(provider_id__in_set=set(providers.values()))
    customers = {row.provider_id: row.enterprise_customer for row in rows.select_related("enterprise_customer")}
    for identity, provider_id in providers.items():
        if provider_id in customers:
            links.unlink_accounts(customers[provider_id], {identity.user_id})
