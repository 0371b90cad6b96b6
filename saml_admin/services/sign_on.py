"""Setting up a customer's sign-on ourselves: what an orchestrator outside would do.

Contract: enterprise-admins-groups-sso, Orchestrator call (local equivalent).
"""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import UUID

from django.db import transaction

from enterprise.models import EnterpriseCustomerIdentityProvider, EnterpriseCustomerSsoConfiguration
from enterprise.models.sso import SAP
from saml_admin.metadata import (
    Metadata,
    MetadataFetchFailed,
    MetadataSyntaxError,
    MetadataUnusable,
    MetadataUrlRefused,
    fetch,
    parse,
)
from saml_admin.models import SAMLProviderConfig
from saml_admin.orchestrators import orchestrator
from saml_admin.orchestrators.local import LocalOrchestrator
from saml_admin.queries.providers import current_providers
from saml_admin.queries.sso_configurations import configuration_named, provider_slug, unanswered
from saml_admin.services import metadata, providers, sso_configurations

logger = logging.getLogger(__name__)

# Field of a provider -> that of a configuration.
ATTRIBUTES = {
    "attr_user_permanent_id": "user_id_attribute",
    "attr_full_name": "full_name_attribute",
    "attr_first_name": "first_name_attribute",
    "attr_last_name": "last_name_attribute",
    "attr_username": "username_attribute",
    "attr_email": "email_attribute",
    "country": "country_attribute",
}
SAP_SETTINGS = (
    "odata_api_root_url", "odata_company_id", "odata_client_id", "odata_api_timeout_interval",
    "odata_api_request_timeout", "sapsf_oauth_root_url", "sapsf_private_key", "oauth_user_id",
)  # fmt: skip


def set_up_submitted() -> None:
    """Sets up what was submitted to this service; one that cannot be does not hold up the others."""
    if not isinstance(orchestrator(), LocalOrchestrator):
        return
    for uuid, updating in unanswered():
        try:
            set_up(uuid, updating)
        except Exception:
            logger.exception("the sign-on of SSO configuration %s was not set up", uuid)


def set_up(uuid: UUID, updating: bool) -> None:
    """Makes the provider, its data and its link of a submitted configuration, then says what became of it.

    One that was answered since it was submitted is left alone, so work that is done twice is done once. Of one that was
    removed only the provider is switched off.
    """
    configuration = configuration_named(uuid)
    if configuration is None or not configuration.is_pending_configuration:
        return
    found = None
    if not configuration.is_removed:
        try:
            found = _metadata_of(configuration)
        except (MetadataUrlRefused, MetadataFetchFailed, MetadataSyntaxError, MetadataUnusable) as error:
            sso_configurations.complete(uuid, updating=updating, error=str(error))
            return
    with transaction.atomic():
        rows = EnterpriseCustomerSsoConfiguration.all_objects.select_for_update(of=("self",))
        row = rows.filter(pk=uuid, submitted_at=configuration.submitted_at).first()
        if row is None or not row.is_pending_configuration:
            return
        if found is not None:
            metadata.store(found)
        _store_provider(configuration, updating)
        sso_configurations.complete(uuid, updating=updating)


def _metadata_of(configuration: EnterpriseCustomerSsoConfiguration) -> Metadata | None:
    """What the identity provider says of itself; one of SAP may say nothing.

    Raises:
        MetadataUrlRefused, MetadataFetchFailed, MetadataSyntaxError, MetadataUnusable
    """
    document: bytes | str | None = configuration.metadata_xml
    if configuration.metadata_url and (configuration.update_from_metadata or not document):
        document = fetch(configuration.metadata_url)
    if not document:
        if configuration.identity_provider == SAP:
            return None
        raise MetadataUnusable("There is neither metadata nor an address to fetch it from.")
    return parse(document, configuration.entity_id or "")


def _store_provider(configuration: EnterpriseCustomerSsoConfiguration, updating: bool) -> None:
    slug, name = provider_slug(configuration), configuration.display_name or configuration.enterprise_customer.name
    wanted: dict[str, Any] = {
        "enabled": (configuration.active if updating else True) and not configuration.is_removed,
        "name": name[:50],
        "display_name": name[:35],
        "entity_id": configuration.entity_id or "",
        "metadata_source": configuration.metadata_url or "",
        "automatic_refresh_enabled": bool(configuration.metadata_url) and configuration.update_from_metadata,
        **{field: getattr(configuration, attribute) or "" for field, attribute in ATTRIBUTES.items()},
    }
    if configuration.identity_provider == SAP:
        wanted["identity_provider_type"] = SAMLProviderConfig.ProviderType.SAP
        wanted["other_settings"] = json.dumps({key: getattr(configuration, key) for key in SAP_SETTINGS})
    provider = current_providers([slug]).first() or SAMLProviderConfig(slug=slug)
    if provider.pk is None and configuration.is_removed:
        return
    if provider.pk is None or any(getattr(provider, field) != value for field, value in wanted.items()):
        for field, value in wanted.items():
            setattr(provider, field, value)
        providers.save_version(provider)
    EnterpriseCustomerIdentityProvider.objects.get_or_create(
        provider_id=provider.provider_id, defaults={"enterprise_customer": configuration.enterprise_customer}
    )
