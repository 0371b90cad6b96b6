"""Fetching metadata: one request, to an address that was looked at, with limits of size and time.

Contract: enterprise-admins-groups-sso, Metadata URL safety rules.
"""

from __future__ import annotations

import ssl
import time
from ipaddress import ip_address

import httpx

from saml_admin.metadata.addresses import target_of

SECONDS = 30.0  # for all of it
LONGEST_PAUSE = 10.0  # seconds between two pieces of an answer
LARGEST = 5 * 1024 * 1024  # bytes


class MetadataFetchFailed(Exception):
    """Nothing usable came back; the text says why."""


def fetch(url: str, *, highest_status: int = 399) -> bytes:
    """What a URL answers.

    Args:
        highest_status: HTTP statuses above it are errors. Redirects are not followed and always one.
    Raises:
        MetadataUrlRefused: the URL breaks a rule; nothing was sent.
        MetadataFetchFailed: no connection, no valid certificate, a status that is an error, too large or too slow.
    """
    end = time.monotonic() + SECONDS
    try:
        target = target_of(url)
    except OSError as error:
        raise MetadataFetchFailed(f"the host cannot be resolved: {error}") from error
    shown = f"[{target.address}]" if ip_address(target.address).version == 6 else target.address
    name = f"[{target.host}]" if ":" in target.host else target.host
    headers = {
        "Host": name if target.port == 443 else f"{name}:{target.port}",
        "Accept": "application/samlmetadata+xml, application/xml, text/xml",
        "Accept-Encoding": "identity",
    }
    timeout = httpx.Timeout(SECONDS, read=LONGEST_PAUSE)
    try:
        with (
            httpx.Client(transport=transport(), timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "GET",
                f"https://{shown}:{target.port}{target.path}",
                headers=headers,
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            if answer.status_code > highest_status or answer.is_redirect:
                raise MetadataFetchFailed(f"the server answered {answer.status_code}")
            return _content(answer, end)
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, UnicodeError) as error:
        raise MetadataFetchFailed(str(error) or type(error).__name__) from error


def transport() -> httpx.BaseTransport:
    """What connects; certificates are checked against the usual authorities."""
    return httpx.HTTPTransport()


def _content(answer: httpx.Response, end: float) -> bytes:
    """
    Raises:
        MetadataFetchFailed: it is too large, or does not end.
    """
    content = bytearray()
    for piece in answer.iter_raw(65_536):
        content += piece
        if len(content) > LARGEST:
            raise MetadataFetchFailed(f"the answer is larger than {LARGEST} bytes")
        if time.monotonic() > end:
            raise MetadataFetchFailed(f"the answer took more than {SECONDS:.0f} seconds")
    return bytes(content)
