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


def fetch(url: str) -> bytes:
    """What a URL answers. Redirects are not followed: they are errors, as every status but those of success.

    Raises:
        MetadataUrlRefused: the URL breaks a rule; nothing was sent.
        MetadataFetchFailed: no connection, no valid certificate, a status that is an error, too large or too slow.
    """
    return send("GET", url, {"Accept": "application/samlmetadata+xml, application/xml, text/xml"})


def send(
    method: str, url: str, headers: dict[str, str], form: dict[str, str] | None = None, seconds: float | None = None
) -> bytes:
    """The same for any request to an address that somebody else chose.

    Args:
        form: the fields of a form to send.
        seconds: for all of it; SECONDS when left out.
    Raises:
        MetadataUrlRefused: as `fetch`.
        MetadataFetchFailed: as `fetch`.
    """
    limit = seconds or SECONDS
    end = time.monotonic() + limit
    try:
        target = target_of(url)
    except OSError as error:
        raise MetadataFetchFailed(f"the host cannot be resolved: {error}") from error
    shown = f"[{target.address}]" if ip_address(target.address).version == 6 else target.address
    name = f"[{target.host}]" if ":" in target.host else target.host
    sent = {
        **headers,
        "Host": name if target.port == 443 else f"{name}:{target.port}",
        "Accept-Encoding": "identity",
    }
    timeout = httpx.Timeout(limit, read=min(limit, LONGEST_PAUSE))
    try:
        with (
            httpx.Client(transport=transport(), timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(
                method,
                f"https://{shown}:{target.port}{target.path}",
                headers=sent,
                data=form,
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            if not answer.is_success:
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
            raise MetadataFetchFailed("the answer took more than its time")
    return bytes(content)
