"""Which providers, and which data of theirs, belong to a customer (contract: enterprise-admins-groups-sso, SAML)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.exceptions import NotFound

from enterprise.models import EnterpriseCustomerIdentityProvider
from saml_admin.models import SAMLConfiguration, SAMLProviderConfig, SAMLProviderData

PREFIX = "saml-"
NO_LINK = "No EnterpriseCustomerIdentityProvider matches the given query."
NO_PROVIDER = "No matching SAML provider found."


def slug_of(provider_id: str) -> str | None:
    """The slug of a SAML provider; None for the id of another kind of provider."""
    return provider_id.removeprefix(PREFIX) if provider_id.startswith(PREFIX) else None


def slugs_of(customer_id: UUID) -> list[str]:
    """The slugs of the SAML providers that a customer is linked with.

    Raises:
        NotFound: it is linked with no identity provider.
    """
    links = EnterpriseCustomerIdentityProvider.objects.filter(enterprise_customer=customer_id)
    provider_ids = list(links.order_by("created", "pk").values_list("provider_id", flat=True))
    if not provider_ids:
        raise NotFound(NO_LINK)
    return [slug for slug in map(slug_of, provider_ids) if slug is not None]


def current_providers(slugs: Collection[str]) -> QuerySet[SAMLProviderConfig]:
    """The current versions of providers by slug, the newest first."""
    return SAMLProviderConfig.objects.current().filter(slug__in_set=slugs).order_by("-pk")


def providers_of(customer_id: UUID) -> list[SAMLProviderConfig]:
    """The current versions of a customer's providers.

    Raises:
        NotFound: there is no link, or no provider behind the links.
    """
    providers = list(current_providers(slugs_of(customer_id)).filter(archived=False))
    if not providers:
        raise NotFound(NO_PROVIDER)
    return providers


def entity_ids(providers: Collection[SAMLProviderConfig]) -> list[str]:
    """The entity ids that providers have."""
    return sorted({provider.entity_id for provider in providers if provider.entity_id})


def data_of(customer_id: UUID) -> QuerySet[SAMLProviderData]:
    """The data of all providers of a customer, the latest fetched first.

    Raises:
        NotFound: there is no link, or no provider behind the links.
    """
    return SAMLProviderData.objects.filter(entity_id__in_set=entity_ids(providers_of(customer_id)))


def public_configurations() -> QuerySet[Any, Any]:
    """Id and slug of the current configurations that everybody may see."""
    return SAMLConfiguration.objects.current().filter(is_public=True).order_by("-pk").values("id", "slug")


def configuration_of(provider: SAMLProviderConfig | None, site_id: int) -> SAMLConfiguration | None:
    """How the service presents itself to a provider: the current version of what it names, else the site's default."""
    current = SAMLConfiguration.objects.current()
    named = provider.saml_configuration if provider is not None else None
    if named is not None:
        found = current.filter(site=named.site_id, slug=named.slug).first()
    else:
        found = current.filter(site=provider.site_id if provider else site_id, slug="default").first()
    return found if found is not None and found.enabled else None


def refreshed_providers() -> list[SAMLProviderConfig]:
    """All current providers that are not archived, with what they name."""
    rows = SAMLProviderConfig.objects.current().filter(archived=False)
    return list(rows.select_related("saml_configuration").order_by("pk"))


def enabled_configurations() -> set[tuple[int, str]]:
    """Site and slug of the current configurations that are enabled."""
    return set(SAMLConfiguration.objects.current().filter(enabled=True).values_list("site_id", "slug"))


def shared_entity(entity_id: str, slug: str) -> bool:
    """Whether the current provider of another slug has an entity id."""
    others = SAMLProviderConfig.objects.current().filter(~Q(slug=slug), entity_id=entity_id, archived=False)
    return bool(entity_id) and others.exists()


def slugs_of_organization(organization_id: int) -> list[str]:
    """The slugs of the providers that an organisation signs its people in through: current and enabled. One statement.

    Contract: program-enrollments, Finding the user at creation.
    """
    rows = SAMLProviderConfig.objects.current().filter(organization=organization_id, enabled=True, archived=False)
    return list(rows.order_by("slug").values_list("slug", flat=True))


def organizations_of_slugs(slugs: Collection[str]) -> dict[str, int | None]:
    """The organisations of current providers, enabled or not, by slug; None: it has none. One statement.

    Contract: program-enrollments, When an identity is saved.
    """
    rows = current_providers(slugs).filter(archived=False)
    return dict(rows.order_by().values_list("slug", "organization_id"))
