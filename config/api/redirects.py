"""Where a browser may be sent (contract: settings, LOGIN_REDIRECT_WHITELIST)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.http import url_has_allowed_host_and_scheme


def safe_redirect(request: Any, *addresses: object) -> str | None:
    """The first of these addresses that leads to a host of ours; None when none does.

    The own host always counts, beside those of LOGIN_REDIRECT_WHITELIST (with their port, if unusual).

    Args:
        request: of Django or of Django REST framework. On https only https addresses are safe.
        addresses: what the caller sent, in order of preference; paths, full addresses, or nothing of the kind.
    """
    hosts = {request.get_host(), urlsplit(settings.LMS_ROOT_URL).netloc, *settings.LOGIN_REDIRECT_WHITELIST}
    for address in addresses:
        if not isinstance(address, str) or not address.isprintable():
            continue
        if url_has_allowed_host_and_scheme(address, hosts, require_https=request.is_secure()):
            return address
    return None
