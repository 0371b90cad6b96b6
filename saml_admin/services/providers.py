"""What becomes of SAML providers: every change is a new version (contract: enterprise-admins-groups-sso, SAML)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from enrollments.models import User
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerIdentityProvider
from saml_admin.models import SAMLConfiguration, SAMLProviderConfig
from saml_admin.queries.providers import PREFIX, current_providers, shared_entity

logger = logging.getLogger(__name__)


class SlugInUse(Exception):
    """Another customer, or the service itself, has a provider with the slug. Nothing was changed."""


class NotCurrent(Exception):
    """There is a newer version meanwhile. Nothing was changed."""


@transaction.atomic
def save_version(provider: SAMLProviderConfig, changed_by: User | None = None) -> SAMLProviderConfig:
    """Stores a provider as it is in a new row; the older ones of its slug are history from here on."""
    provider.pk = None
    provider._state.adding = True
    provider.changed_by = changed_by
    if shared_entity(provider.entity_id, provider.slug):
        logger.warning("the entity id %s is that of another SAML provider too", provider.entity_id)
    provider.save(force_insert=True)
    EnterpriseCustomerIdentityProvider.objects.filter(provider_id=provider.provider_id).update(
        sync_learner_profile_data=provider.sync_learner_profile_data
    )
    return provider


def save_configuration(configuration: SAMLConfiguration, changed_by: User | None = None) -> SAMLConfiguration:
    """Stores how the service presents itself in a new row, as `save_version` does a provider."""
    configuration.pk = None
    configuration._state.adding = True
    configuration.changed_by = changed_by
    configuration.save(force_insert=True)
    return configuration


@transaction.atomic
def create(customer: EnterpriseCustomer, values: Mapping[str, Any], changed_by: User | None) -> SAMLProviderConfig:
    """A provider of a customer, or a newer version of the one with the slug; the customer is linked with it.

    Raises:
        SlugInUse
    """
    provider = SAMLProviderConfig(**values)
    if provider.attr_first_name:
        provider.attr_username = provider.attr_first_name
    link, is_new = EnterpriseCustomerIdentityProvider.objects.get_or_create(
        provider_id=f"{PREFIX}{provider.slug}", defaults={"enterprise_customer": customer}
    )
    if link.enterprise_customer_id != customer.pk:
        raise SlugInUse(provider.slug)
    if is_new and current_providers([provider.slug]).filter(archived=False).exists():
        raise SlugInUse(provider.slug)  # of a provider that belongs to no customer
    return save_version(provider, changed_by)


@transaction.atomic
def change(provider: SAMLProviderConfig, values: Mapping[str, Any], changed_by: User | None) -> SAMLProviderConfig:
    """A newer version of a provider, with some values of its own.

    Raises:
        NotCurrent
    """
    _lock(provider)
    for name, value in values.items():
        setattr(provider, name, value)
    return save_version(provider, changed_by)


@transaction.atomic
def archive(provider: SAMLProviderConfig) -> None:
    """Switches a provider off for good, in its own row, and unlinks it from its customer.

    Raises:
        NotCurrent
    """
    _lock(provider)
    SAMLProviderConfig.objects.filter(pk=provider.pk).update(archived=True, enabled=False)
    EnterpriseCustomerIdentityProvider.objects.filter(provider_id=provider.provider_id).delete()


def _lock(provider: SAMLProviderConfig) -> None:
    """Has writers of one slug wait for each other.

    Raises:
        NotCurrent: the one before was quicker.
    """
    versions = SAMLProviderConfig.objects.filter(slug=provider.slug).order_by("pk").select_for_update(of=("self",))
    list(versions.values_list("pk", flat=True))
    newest = SAMLProviderConfig.objects.filter(slug=provider.slug).order_by("-pk").values_list("pk", flat=True).first()
    if newest != provider.pk:
        raise NotCurrent(provider.slug)


@transaction.atomic
def stamp_valid(slug: str, moment: Any) -> None:
    """Notes the first sign-in that worked, in the current version itself."""
    current = current_providers([slug]).filter(was_valid_at__isnull=True)
    SAMLProviderConfig.objects.filter(pk__in=list(current.values_list("pk", flat=True))).update(was_valid_at=moment)
