"""Brandings as their answers show them (contract: enterprise-customers 1.4 and 4.6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django_filters import CharFilter, FilterSet
from rest_framework.exceptions import NotFound

from enterprise.models import EnterpriseCustomerBrandingConfiguration, EnterpriseCustomerUser

NO_SUCH_BRANDING = "No EnterpriseCustomerBrandingConfiguration matches the given query."
ORDERING_FIELDS = ("enterprise_customer__slug",)


class BrandingFilter(FilterSet):
    """The branding of one customer."""

    enterprise_customer__slug = CharFilter()


def visible_brandings(request: Any) -> QuerySet[EnterpriseCustomerBrandingConfiguration]:
    """All brandings for staff, for others those of the customers that they are linked to; the oldest first."""
    rows = EnterpriseCustomerBrandingConfiguration.objects.select_related("enterprise_customer")
    rows = rows.order_by("created", "pk")
    if request.user.is_staff:
        return rows
    links = EnterpriseCustomerUser.objects.filter(
        user_id=request.user.pk, enterprise_customer=OuterRef("enterprise_customer_id")
    )
    return rows.filter(Exists(links.order_by()))


def branding_of(
    slug: str, rows: QuerySet[EnterpriseCustomerBrandingConfiguration]
) -> EnterpriseCustomerBrandingConfiguration:
    """The branding among the given ones whose customer has a slug.

    Raises:
        NotFound: there is none.
    """
    found = rows.filter(enterprise_customer__slug=slug).first()
    if found is None:
        raise NotFound(NO_SUCH_BRANDING)
    return found


def branded_customer(slug: str) -> UUID | None:
    """The customer with a slug, if it has a branding."""
    rows = EnterpriseCustomerBrandingConfiguration.objects.filter(enterprise_customer__slug=slug).order_by()
    return rows.values_list("enterprise_customer_id", flat=True).first()
