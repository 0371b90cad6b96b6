"""Which reporting configurations a caller sees (contract: enterprise-customers 4.9)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django_filters import ModelChoiceFilter
from django_filters.rest_framework import FilterSet
from rest_framework.exceptions import NotFound

from config.api.filters import narrowed
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerReportingConfiguration,
    EnterpriseCustomerUser,
)
from enterprise.queries.customers import parsed_uuid

NO_SUCH_CONFIGURATION = "No EnterpriseCustomerReportingConfiguration matches the given query."
ORDERING_FIELDS = ("enterprise_customer",)


class ReportingConfigurationFilter(FilterSet):
    """What narrows reporting configurations, in lists and in look-ups alike."""

    enterprise_customer = ModelChoiceFilter(queryset=EnterpriseCustomer.all_objects.all())

    class Meta:
        model = EnterpriseCustomerReportingConfiguration
        fields = ("enterprise_customer",)


def first_customer_of(user: Any) -> UUID | None:
    """The customer of the first of a user's links: active ones first, then the one that was changed last."""
    links = EnterpriseCustomerUser.objects.filter(user_id=user.pk).order_by("-active", "-modified", "pk")
    return links.values_list("enterprise_customer_id", flat=True).first()


def customer_of_configuration(uuid: object) -> UUID | None:
    """The customer whose configuration this is; None for an unknown configuration or a text that is no uuid."""
    key = parsed_uuid(uuid)
    if key is None:
        return None
    rows = EnterpriseCustomerReportingConfiguration.objects.filter(uuid=key).order_by()
    return rows.values_list("enterprise_customer_id", flat=True).first()


def narrowed_configurations(request: Any) -> QuerySet[EnterpriseCustomerReportingConfiguration]:
    """All configurations for staff, for others those of customers they are linked to; narrowed as the query asks.

    Raises:
        ValidationError: a filter has a value that it cannot have.
    """
    rows = EnterpriseCustomerReportingConfiguration.objects.order_by("created", "pk")
    if not request.user.is_staff:
        links = EnterpriseCustomerUser.objects.filter(
            user_id=request.user.pk, enterprise_customer=OuterRef("enterprise_customer")
        )
        rows = rows.filter(Exists(links.order_by()))
    return narrowed(rows, request, ReportingConfigurationFilter, ORDERING_FIELDS)


def with_catalogs(
    rows: QuerySet[EnterpriseCustomerReportingConfiguration],
) -> QuerySet[EnterpriseCustomerReportingConfiguration]:
    """The same rows with their catalogs, the oldest first; one statement more."""
    return rows.prefetch_related("enterprise_customer_catalogs")


def one_configuration(request: Any, uuid: object) -> EnterpriseCustomerReportingConfiguration:
    """The configuration that a path names, among those the caller sees.

    Raises:
        ValidationError: as `narrowed_configurations`.
        NotFound: `Not found.` for a text that is no uuid, else that no such configuration matches.
    """
    rows = narrowed_configurations(request)
    key = parsed_uuid(uuid)
    if key is None:
        raise NotFound
    configuration = with_catalogs(rows).filter(uuid=key).first()
    if configuration is None:
        raise NotFound(NO_SUCH_CONFIGURATION)
    return configuration
