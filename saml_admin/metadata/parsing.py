"""Reading metadata that anybody may have written: no document types, no entities, no network.

Contract: enterprise-admins-groups-sso, Metadata parsing; SSO configuration, Entity id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import isodate
from lxml import etree

METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_MD, _DS = f"{{{METADATA}}}", "{http://www.w3.org/2000/09/xmldsig#}"
LONGEST_ENTITY_ID, LONGEST_SSO_URL = 255, 200
_entity = re.compile(rb"<(?:[\w.-]+:)?EntityDescriptor\b[^>]*?\bentityID\s*=\s*([\"'])(.*?)\1", re.DOTALL)


class MetadataSyntaxError(ValueError):
    """It is no XML, or XML with a document type."""


class MetadataUnusable(ValueError):
    """It is XML, and no metadata of the wanted entity that one can sign in with."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What metadata says of one entity.

    Args:
        certificates: base64 texts without blanks, in the order of the document.
        expires_at: None: it does not say.
    """

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]
    expires_at: datetime | None


def parse(document: bytes | str, entity_id: str) -> Metadata:
    """What a document says of an entity.

    Raises:
        MetadataSyntaxError
        MetadataUnusable
    """
    root = _root(document)
    entity = _find_entity(root, entity_id)
    role = next(
        (each for each in entity.iterfind(f"{_MD}IDPSSODescriptor") if _speaks_saml2(each)),
        None,
    )
    if role is None:
        raise MetadataUnusable("There is no IDPSSODescriptor of SAML 2.0.")
    return Metadata(entity_id, _sso_url(role), _certificates(role), _expiry(root))


def find_entity_id(document: bytes | str) -> str | None:
    """The entity id of a document: of its root, else of a child without namespace, else of the first one in the text.

    Raises:
        MetadataSyntaxError
    """
    root = _root(document)
    if found := root.get("entityID"):
        return found
    child = root.find("EntityDescriptor")
    if child is not None and child.get("entityID"):
        return child.get("entityID")
    text = document.encode() if isinstance(document, str) else document
    match = _entity.search(text)
    return match[2].decode(errors="replace") if match else None


def _root(document: bytes | str) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    text = document.encode() if isinstance(document, str) else document
    try:
        root = etree.fromstring(text.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MetadataSyntaxError(str(error)) from error
    if root.getroottree().docinfo.doctype:
        raise MetadataSyntaxError("A document type is not allowed.")
    return root


def _find_entity(root: Any, entity_id: str) -> Any:
    if root.tag == f"{_MD}EntityDescriptor":
        if root.get("entityID") == entity_id:
            return root
    elif root.tag == f"{_MD}EntitiesDescriptor":
        for entity in root.iter(f"{_MD}EntityDescriptor"):
            if entity.get("entityID") == entity_id:
                return entity
    else:
        raise MetadataUnusable("The root is no descriptor of entities.")
    raise MetadataUnusable(f"There is no entity {entity_id!r}.")


def _speaks_saml2(role: Any) -> bool:
    return PROTOCOL in (role.get("protocolSupportEnumeration") or "").split()


def _certificates(role: Any) -> tuple[str, ...]:
    """Those for signing; where no key says what it is for, all of them."""
    keys = role.findall(f"{_MD}KeyDescriptor")
    for chosen in ([key for key in keys if key.get("use") == "signing"], keys):
        texts = ["".join((found.text or "").split()) for key in chosen for found in key.iter(f"{_DS}X509Certificate")]
        if found := tuple(dict.fromkeys(text for text in texts if text)):
            return found
    raise MetadataUnusable("There is no certificate.")


def _sso_url(role: Any) -> str:
    for service in role.iterfind(f"{_MD}SingleSignOnService"):
        if service.get("Binding") == REDIRECT:
            url: str = service.get("Location") or ""
            if url.lower().startswith(("https://", "http://")) and len(url) <= LONGEST_SSO_URL:
                return url
    raise MetadataUnusable("There is no SingleSignOnService with the HTTP-Redirect binding.")


def _expiry(root: Any) -> datetime | None:
    """The earlier of the two limits that a root may name."""
    limits = []
    try:
        if until := root.get("validUntil"):
            moment = isodate.parse_datetime(until)
            limits.append(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
        if duration := root.get("cacheDuration"):
            now = datetime.now(UTC)
            parsed = isodate.parse_duration(duration)
            limits.append(now + (parsed if isinstance(parsed, timedelta) else parsed.totimedelta(start=now)))
    except (isodate.ISO8601Error, ValueError, OverflowError) as error:
        raise MetadataUnusable(f"Its validity cannot be read: {error}") from error
    return min(limits, default=None)
