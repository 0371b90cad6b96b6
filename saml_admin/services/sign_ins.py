"""The first sign-in through a provider proves it (contract: enterprise-admins-groups-sso, Login side effects)."""

from __future__ import annotations

from django.utils import timezone

from enrollments.models import UserSocialAuth
from enterprise.models import EnterpriseCustomerIdentityProvider
from saml_admin.queries.providers import PREFIX
from saml_admin.services import providers, sso_configurations

SAML = "tpa-saml"


def note(identity: UserSocialAuth) -> None:
    """Stamps the provider of a SAML identity, and the active configurations of its customer, the first time."""
    if identity.provider != SAML:
        return
    slug = identity.uid.partition(":")[0]
    providers.stamp_valid(slug, timezone.now())
    link = EnterpriseCustomerIdentityProvider.objects.filter(provider_id=f"{PREFIX}{slug}").first()
    if link is not None:
        sso_configurations.validate(link.enterprise_customer_id)
