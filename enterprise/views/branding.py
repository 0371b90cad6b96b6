"""Logo and colours of customers (contract: enterprise-customers 4.6)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import narrowed, query_parameters
from config.api.pagination import DefaultPagination
from config.api.parsers import FormParser, MultiPartParser
from config.api.throttles import UserThrottle
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerBrandingConfiguration
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, path, requires
from enterprise.queries.branding import (
    ORDERING_FIELDS,
    BrandingFilter,
    branded_customer,
    branding_of,
    visible_brandings,
)
from enterprise.queries.customers import one_of
from enterprise.serializers.branding import BrandingChangeSerializer, branding_row_body
from enterprise.serializers.customers import BrandingConfigurationSerializer
from enterprise.services import branding

PARAMETERS = query_parameters(BrandingFilter, ORDERING_FIELDS)


class BrandingViewBase(DetailErrors, APIView):
    """Forms only: a logo is a file."""

    throttle_classes = [UserThrottle]
    parser_classes = [MultiPartParser, FormParser]
    pagination_class = DefaultPagination

    def visible(self, request: Request) -> Any:
        """The brandings that the caller may see, as the query narrows and orders them."""
        return narrowed(visible_brandings(request), request, BrandingFilter, ORDERING_FIELDS)


class BrandingListView(BrandingViewBase):
    """`GET .../enterprise-customer-branding/`."""

    @extend_schema(parameters=PARAMETERS, responses=BrandingConfigurationSerializer(many=True))
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(self.visible(request), request, self)
        return paginator.get_paginated_response([branding_row_body(row, request) for row in page])


def _customer_of_branding(view: APIView, request: Request) -> str | None:
    customer = branded_customer(view.kwargs["slug"])
    return str(customer) if customer else None


dashboard_of_branding = requires(CAN_ACCESS_ADMIN_DASHBOARD, context=_customer_of_branding)
NO_OP = "Changes nothing; `update-branding` does."


class BrandingView(BrandingViewBase):
    """`GET`, `PUT`, `PATCH` and `DELETE .../enterprise-customer-branding/{slug}/`."""

    def found(self, request: Request, slug: str) -> EnterpriseCustomerBrandingConfiguration:
        return branding_of(slug, self.visible(request))

    def unchanged(self, request: Request, slug: str) -> Response:
        row = self.found(request, slug)
        _ = request.data  # a body that is no form is refused, whatever it holds
        return Response(branding_row_body(row, request))

    @extend_schema(responses=BrandingConfigurationSerializer)
    def get(self, request: Request, slug: str, format: str | None = None) -> Response:  # noqa: A002
        return Response(branding_row_body(self.found(request, slug), request))

    @extend_schema(description=NO_OP, request=None, responses=BrandingConfigurationSerializer)
    @dashboard_of_branding
    def put(self, request: Request, slug: str, format: str | None = None) -> Response:  # noqa: A002
        return self.unchanged(request, slug)

    @extend_schema(description=NO_OP, request=None, responses=BrandingConfigurationSerializer)
    @dashboard_of_branding
    def patch(self, request: Request, slug: str, format: str | None = None) -> Response:  # noqa: A002
        return self.unchanged(request, slug)

    @extend_schema(responses={204: None})
    @dashboard_of_branding
    def delete(self, request: Request, slug: str, format: str | None = None) -> Response:  # noqa: A002
        branding.delete(self.found(request, slug))
        return Response(status=204)


class UpdateBrandingView(BrandingViewBase):
    """`PATCH .../enterprise-customer-branding/update-branding/{enterprise_uuid}/`."""

    @extend_schema(
        request={"multipart/form-data": BrandingChangeSerializer},
        responses={204: OpenApiResponse(description="Stored; only what was given has changed.")},
    )
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=path("enterprise_uuid"))
    def patch(self, request: Request, enterprise_uuid: str) -> Response:
        sent = BrandingChangeSerializer(data=request.data)
        customer = one_of(EnterpriseCustomer.all_objects.all(), enterprise_uuid)
        sent.is_valid(raise_exception=True)
        branding.update(customer, sent.validated_data)
        return Response(status=204)


class UpdateBrandingOfNobodyView(BrandingView):
    """`PATCH .../enterprise-customer-branding/update_branding/`, without a customer: not found.

    Other methods mean the branding of a customer with that slug.
    """

    @extend_schema(exclude=True)
    def patch(self, request: Request, slug: str, format: str | None = None) -> Response:  # noqa: A002
        raise NotFound
