"""Who administers a customer's identity providers (contract: enterprise-admins-groups-sso, SAML administration)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.roles import access

CUSTOMER = "enterprise_customer_uuid"
INVALID = "Invalid enterprise_customer_uuid"


def customer_in_query(request: Request) -> UUID | None:
    """
    Raises:
        ValidationError: it is there, and no uuid.
    """
    return _uuid(request.query_params.get(CUSTOMER))


def customer_in_body(request: Request) -> UUID | None:
    """
    Raises:
        ValidationError: it is there, and no uuid.
    """
    data = request.data
    return _uuid(data.get(CUSTOMER)) if isinstance(data, Mapping) else None


def named_customer(request: Request) -> UUID | None:
    """The customer that a request is about, by its query or its body.

    Raises:
        ValidationError: it is no uuid, or query and body name two.
    """
    in_query, in_body = customer_in_query(request), customer_in_body(request)
    if in_query and in_body and in_query != in_body:
        raise ValidationError({"detail": INVALID})
    return in_query or in_body


class SeesDashboard(BasePermission):
    """Sees the dashboard of the named customer; of any customer, if none is named. The name is read first."""

    message = f"MISSING: {CAN_ACCESS_ADMIN_DASHBOARD}"

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        customer_id = named_customer(request)
        return access(request).has(CAN_ACCESS_ADMIN_DASHBOARD, customer_id)


def _uuid(value: Any) -> UUID | None:
    if not value:
        return None
    uuid = parsed_uuid(value)
    if uuid is None:
        raise ValidationError({"detail": INVALID})
    return uuid
