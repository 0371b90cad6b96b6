"""Where a request comes from."""

from __future__ import annotations

from typing import Any

from django.conf import settings


def client_address(request: Any) -> str:
    """The IP address of the caller, for throttles, audit lines and embargo rules.

    Without trusted proxies (`NUM_PROXIES` 0) that is the other end of the connection, whatever the headers say; with
    n of them it is the n-th last entry of `X-Forwarded-For`: entries before that one can be made up by the caller.
    Empty when the server does not know (a Unix socket without a proxy).
    """
    proxies = settings.NUM_PROXIES
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if proxies and forwarded:
        addresses = [address.strip() for address in forwarded.split(",")]
        return str(addresses[-min(proxies, len(addresses))])[:64]
    return str(request.META.get("REMOTE_ADDR") or "")
