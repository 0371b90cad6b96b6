"""Keeping what metadata says (contract: enterprise-admins-groups-sso, SAML administration and Background work)."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from saml_admin.metadata import (
    Metadata,
    MetadataFetchFailed,
    MetadataSyntaxError,
    MetadataUnusable,
    MetadataUrlRefused,
    fetch,
    parse,
)
from saml_admin.models import SAMLProviderConfig, SAMLProviderData
from saml_admin.queries.providers import enabled_configurations, refreshed_providers

logger = logging.getLogger(__name__)

NOT_FETCHED = "Failed to fetch metadata XML: {}"
NOT_PARSED = "Failed to parse metadata XML."
DEFAULT = "default"


class SyncFailed(Exception):
    """The text for the caller."""


def sync(providers: Collection[SAMLProviderConfig]) -> None:
    """Fetches the metadata of providers and keeps what it says of them.

    Raises:
        SyncFailed: of the first one that fails; those before it are kept.
    """
    for provider in providers:
        try:
            metadata = parse(fetch(provider.metadata_source), provider.entity_id)
        except (MetadataUrlRefused, MetadataFetchFailed, MetadataSyntaxError) as error:
            raise SyncFailed(NOT_FETCHED.format(error)) from error
        except MetadataUnusable as error:
            raise SyncFailed(NOT_PARSED) from error
        store(metadata)


@transaction.atomic
def store(metadata: Metadata) -> bool:
    """Keeps a row for each certificate; those of old ones stay as they were. Says whether anything is new."""
    now = timezone.now()
    # Locked in one order, so that two at once do not both miss a row; the first rows ever may come twice, and serve.
    rows = SAMLProviderData.objects.filter(entity_id=metadata.entity_id).order_by("pk").select_for_update()
    known: dict[str, list[SAMLProviderData]] = defaultdict(list)
    for row in rows:
        known[row.public_key].append(row)
    is_news = False
    for certificate in metadata.certificates:
        for row in known.get(certificate, ()):
            is_news |= (row.sso_url, row.expires_at) != (metadata.sso_url, metadata.expires_at)
        if certificate in known:
            SAMLProviderData.objects.filter(pk__in=[row.pk for row in known[certificate]]).update(
                sso_url=metadata.sso_url, expires_at=metadata.expires_at, fetched_at=now
            )
        else:
            is_news = True
            SAMLProviderData.objects.create(
                entity_id=metadata.entity_id,
                public_key=certificate,
                sso_url=metadata.sso_url,
                expires_at=metadata.expires_at,
                fetched_at=now,
            )
    return is_news


@dataclass(slots=True)
class Refreshed:
    """What the periodic fetch did: providers in all, left out, tried, with news, failed; and why."""

    total: int = 0
    skipped: int = 0
    attempted: int = 0
    updated: int = 0
    failed: int = 0
    messages: list[str] = field(default_factory=list)


def refresh() -> Refreshed:
    """Fetches the metadata of all providers that are to be refreshed, each URL once."""
    done = Refreshed()
    by_url: dict[str, list[str]] = defaultdict(list)
    enabled = enabled_configurations()
    for provider in refreshed_providers():
        done.total += 1
        named = provider.saml_configuration
        presented = (named.site_id, named.slug) if named is not None else (provider.site_id, DEFAULT)
        if provider.enabled and provider.automatic_refresh_enabled and presented in enabled:
            by_url[provider.metadata_source].append(provider.entity_id)
        else:
            done.skipped += 1
    for url, entity_ids in by_url.items():
        done.attempted += len(entity_ids)
        try:
            document = fetch(url)
        except (MetadataUrlRefused, MetadataFetchFailed) as error:
            done.failed += len(entity_ids)
            done.messages.append(f"{url}: {error}")
            continue
        for entity_id in entity_ids:
            try:
                done.updated += store(parse(document, entity_id))
            except (MetadataSyntaxError, MetadataUnusable) as error:
                done.failed += 1
                done.messages.append(f"{url}, {entity_id}: {error}")
    for message in done.messages:
        logger.warning("metadata of an identity provider was not refreshed: %s", message)
    return done
