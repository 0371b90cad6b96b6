"""Learners who leave a customer's identity provider leave the customer.

Contract: enterprise-admins-groups-sso, Login side effects.
"""

from __future__ import annotations

from collections import defaultdict
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
    leaving: defaultdict[str, set[int]] = defaultdict(set)
    for identity, provider_id in providers.items():
        leaving[provider_id].add(identity.user_id)
    for provider_id, customer in customers.items():
        links.unlink_accounts(customer, leaving[provider_id])
