"""The query parameters that narrow lists of customers (contract: enterprise-customers 4.2)."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Q, QuerySet
from django_filters.rest_framework import FilterSet
from rest_framework.exceptions import ValidationError

from config.api.filters import WordFilter
from enterprise.models import EnterpriseCustomer
from enterprise.queries.customers import parsed_uuid

NO_UUID = "Enter a valid UUID."
FILTER_FIELDS = (
    "uuid",
    "slug",
    "name",
    "active",
    "site",
    "enable_data_sharing_consent",
    "enforce_data_sharing_consent",
)


class CustomerFilter(FilterSet):
    """Exact values; for lists and for the look-up of one customer."""

    class Meta:
        model = EnterpriseCustomer
        fields = FILTER_FIELDS
        filter_overrides = {BooleanField: {"filter_class": WordFilter}}


def chosen(customers: QuerySet[EnterpriseCustomer], parameters: Any) -> QuerySet[EnterpriseCustomer]:
    """The customers that the first given of `enterprise_id`, `enterprise_slug` and `search` (in the name) leaves.

    Raises:
        ValidationError: `enterprise_id` is no uuid.
    """
    if text := parameters.get("enterprise_id"):
        return customers.filter(pk=_uuid("enterprise_id", text))
    if slug := parameters.get("enterprise_slug"):
        return customers.filter(slug=slug)
    if part := parameters.get("search"):
        return customers.filter(name__icontains=part)
    return customers


def searched(customers: QuerySet[EnterpriseCustomer], parameters: Any) -> QuerySet[EnterpriseCustomer]:
    """The customers that `user_query` (part of slug or name) and `uuid` leave.

    Raises:
        ValidationError: `uuid` is none.
    """
    if part := parameters.get("user_query"):
        customers = customers.filter(Q(slug__icontains=part) | Q(name__icontains=part))
    if text := parameters.get("uuid"):
        customers = customers.filter(pk=_uuid("uuid", text))
    return customers


def _uuid(name: str, text: str) -> Any:
    uuid = parsed_uuid(text)
    if uuid is None:
        raise ValidationError({name: [NO_UUID]})
    return uuid
