"""How tests call the entitlements API (contract: support, 4.1)."""

from __future__ import annotations

from typing import Any

URL = "/api/entitlements/v1/entitlements/"
COURSE = "9b3c0000-0000-4000-8000-000000000001"


def one(entitlement: Any) -> str:
    """The address of an entitlement."""
    return f"{URL}{entitlement.uuid}/"


def patch(client: Any, entitlement: Any, **body: Any) -> Any:
    return client.patch(one(entitlement), body, format="json")
