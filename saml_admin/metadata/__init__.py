"""Metadata of identity providers: fetched from where it is safe to, and read without trust.

Contract: enterprise-admins-groups-sso, Metadata URL safety rules, Metadata parsing.
"""

from saml_admin.metadata.addresses import MetadataUrlRefused
from saml_admin.metadata.fetching import MetadataFetchFailed, fetch, send
from saml_admin.metadata.parsing import (
    Metadata,
    MetadataSyntaxError,
    MetadataUnusable,
    find_entity_id,
    parse,
)

__all__ = [
    "Metadata",
    "MetadataFetchFailed",
    "MetadataSyntaxError",
    "MetadataUnusable",
    "MetadataUrlRefused",
    "fetch",
    "find_entity_id",
    "parse",
    "send",
]
