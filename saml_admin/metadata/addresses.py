"""Where metadata may be fetched from: over HTTPS, and from no address inside the house.

Every address that a name resolves to is looked at, and the one that was looked at is the one connected to.
Contract: enterprise-admins-groups-sso, Metadata URL safety rules.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address

_SHARED = ip_network("100.64.0.0/10")  # of carriers, behind which a metadata service may sit
_TRANSLATED = ip_network("64:ff9b::/96")  # the last four bytes are an IPv4 address
_V6_ENVELOPES = (_TRANSLATED, ip_network("2002::/16"), ip_network("2001::/32"))


class MetadataUrlRefused(ValueError):
    """A URL that metadata is not fetched from; the text says which rule it breaks."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect for a URL.

    Args:
        host: the name, for the certificate; in its ASCII form.
        address: one of its addresses, all of which are allowed.
        path: with the query.
    """

    host: str
    address: str
    port: int
    path: str


def target_of(url: str) -> Target:
    """Looks at a URL, rule by rule, and resolves its host.

    Raises:
        MetadataUrlRefused: a rule is broken; nothing was connected to.
        OSError: the host cannot be resolved.
    """
    try:
        parts = urlsplit(url.strip())
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port or 443
    except ValueError as error:
        raise MetadataUrlRefused(f"SAML metadata URL is malformed: {error}") from error
    if scheme != "https":
        raise MetadataUrlRefused(f"SAML metadata URL must use HTTPS, got scheme: '{scheme}'")
    if not host:
        raise MetadataUrlRefused("SAML metadata URL has no hostname")
    literal = _literal(host)
    if literal is not None:
        refuse_forbidden(literal)
        addresses = [str(literal)]
    else:
        try:
            host = host.encode("idna").decode()
        except UnicodeError as error:
            raise MetadataUrlRefused(f"SAML metadata URL is malformed: {error}") from error
        addresses = resolve(host, port)
        for address in addresses:
            refuse_forbidden(ip_address(address))
    path = parts.path or "/"
    return Target(host, addresses[0], port, f"{path}?{parts.query}" if parts.query else path)


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, in the order to try them.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found)
    if not addresses:
        raise OSError(f"{host} has no address")
    return list(addresses)


def refuse_forbidden(address: Address) -> None:
    """
    Raises:
        MetadataUrlRefused: the address is never connected to, or is private and the settings do not allow that.
    """
    inner = _inside(address)
    if _is_forbidden(address) or (inner is not None and (_is_forbidden(inner) or inner.is_private)):
        raise MetadataUrlRefused(f"SAML metadata URL hostname is a forbidden IP address: {address}")
    if not address.is_private:
        return
    if not settings.SAML_METADATA_URL_ALLOW_PRIVATE_IPS:
        raise MetadataUrlRefused(
            f"SAML metadata URL hostname is a private IP address: {address}. "
            "Set SAML_METADATA_URL_ALLOW_PRIVATE_IPS = True in Django settings to allow this."
        )
    if address.is_unspecified:  # leads to this very machine
        raise MetadataUrlRefused(f"SAML metadata URL hostname is a forbidden IP address: {address}")


def _is_forbidden(address: Address) -> bool:
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_reserved
        or address.is_multicast
        or (address.version == 4 and address in _SHARED)
        or (isinstance(address, IPv6Address) and address.is_site_local)
    )


def _inside(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one only wraps."""
    if isinstance(address, IPv4Address) or not any(address in network for network in _V6_ENVELOPES):
        return None
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or (address.teredo[1] if address.teredo else None)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
