"""SAP SuccessFactors as a provider of facts about people: its OAuth and OData addresses, asked over HTTPS.

The addresses are the customer's, so the rules for metadata URLs hold for them too. Whatever fails, nothing is known.
Contract: enterprise-admins-groups-sso, user_details.
"""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

from saml_admin.metadata import MetadataFetchFailed, MetadataUrlRefused, send
from saml_admin.models import SAMLProviderConfig

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 29.0
FIELDS = {
    "username": "username",
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "defaultFullName": "fullname",
}


def user_details(provider: SAMLProviderConfig, external_user_id: str) -> dict[str, Any]:
    """What SuccessFactors says of a person; empty when it cannot be asked or does not know."""
    try:
        settings = json.loads(provider.other_settings or "{}")
        seconds = min(float(settings.get("odata_api_request_timeout") or LONGEST_SECONDS), LONGEST_SECONDS)
        token = _token(settings, seconds)
        found = _asked(
            "GET",
            f"{_folder(settings['odata_api_root_url'])}User(userId='{_quoted(external_user_id)}')"
            f"?$select={','.join(FIELDS)}&$format=json",
            {"Authorization": f"Bearer {token}"},
            seconds,
        )["d"]
        return {name: found[key] for key, name in FIELDS.items() if found.get(key)}
    except (MetadataUrlRefused, MetadataFetchFailed, KeyError, TypeError, ValueError, AttributeError) as error:
        logger.warning("SuccessFactors was not asked about a person of %s: %s", provider.slug, error)
        return {}


def _token(settings: dict[str, Any], seconds: float) -> str:
    """An access token, for an assertion that SuccessFactors itself makes from the customer's key."""
    root = _folder(settings["sapsf_oauth_root_url"])
    token_url = f"{root}token"
    assertion = send(
        "POST",
        f"{root}idp",
        {},
        {
            "client_id": str(settings["odata_client_id"]),
            "user_id": str(settings["oauth_user_id"]),
            "token_url": token_url,
            "private_key": str(settings["sapsf_private_key"]),
        },
        seconds,
    ).decode()
    answer = _asked(
        "POST",
        token_url,
        {},
        seconds,
        {
            "client_id": str(settings["odata_client_id"]),
            "company_id": str(settings["odata_company_id"]),
            "grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer",
            "assertion": assertion,
        },
    )
    return str(answer["access_token"])


def _asked(
    method: str, url: str, headers: dict[str, str], seconds: float, form: dict[str, str] | None = None
) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(send(method, url, {**headers, "Accept": "application/json"}, form, seconds))
    return answer


def _folder(url: str) -> str:
    return url if url.endswith("/") else f"{url}/"


def _quoted(text: str) -> str:
    """A text inside the quotes of an OData key."""
    return quote(text.replace("'", "''"), safe="")
