"""Reporting configurations of customers (contract: enterprise-customers 4.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import query_parameters
from config.api.pagination import DefaultPagination
from config.api.throttles import UserThrottle
from enrollments.models import User
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerReportingConfiguration
from enterprise.permissions import CAN_MANAGE_REPORTING_CONFIG, body, ensure, requires
from enterprise.queries.customers import customer_facts, one_of, parsed_uuid
from enterprise.queries.reporting import (
    NO_SUCH_CONFIGURATION,
    ORDERING_FIELDS,
    ReportingConfigurationFilter,
    customer_of_configuration,
    first_customer_of,
    narrowed_configurations,
    one_configuration,
    with_catalogs,
)
from enterprise.queries.roles import Context
from enterprise.serializers.catalogs import CatalogSerializer
from enterprise.serializers.customers import customer_body
from enterprise.serializers.reporting import (
    ReportingConfigurationChangeSerializer,
    ReportingConfigurationRequestSerializer,
    ReportingConfigurationSerializer,
    reporting_body,
)
from enterprise.services import reporting

CUSTOMER = "enterprise_customer_id"
CATALOGS = "enterprise_customer_catalog_uuids"
PARAMETERS = query_parameters(ReportingConfigurationFilter, ORDERING_FIELDS)


def _first_customer(view: APIView, request: Request) -> Context:
    return first_customer_of(request.user)


def _own_customer(view: APIView, request: Request) -> Context:
    return customer_of_configuration(view.kwargs["uuid"])


class ReportingConfigurationViewBase(DetailErrors, APIView):
    """What both addresses share."""

    throttle_classes = [UserThrottle]
    pagination_class = DefaultPagination

    def bodies(
        self, request: Request, configurations: Iterable[EnterpriseCustomerReportingConfiguration]
    ) -> list[dict[str, Any]]:
        """The configurations as answers show them; one customer object for all that belong to it."""
        rows = list(configurations)
        facts = customer_facts({row.enterprise_customer_id for row in rows}, cast(User, request.user))
        # The contract has nobody's address here.
        customers = {uuid: {**customer_body(each, request), "admin_users": []} for uuid, each in facts.items()}
        return [
            reporting_body(
                row,
                customers[row.enterprise_customer_id],
                CatalogSerializer(row.enterprise_customer_catalogs.all(), many=True).data,
            )
            for row in rows
            if row.enterprise_customer_id in customers  # else it was deleted a moment ago
        ]

    def one_body(self, request: Request, configuration: EnterpriseCustomerReportingConfiguration) -> dict[str, Any]:
        """
        Raises:
            NotFound: its customer was deleted a moment ago, and the configuration with it.
        """
        shown = self.bodies(request, [configuration])
        if not shown:
            raise NotFound(NO_SUCH_CONFIGURATION)
        return shown[0]


class ReportingConfigurationListView(ReportingConfigurationViewBase):
    """`GET`, `POST .../enterprise_customer_reporting/`."""

    @extend_schema(parameters=PARAMETERS, responses=ReportingConfigurationSerializer(many=True))
    @requires(CAN_MANAGE_REPORTING_CONFIG, context=_first_customer)
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        rows = narrowed_configurations(request)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(with_catalogs(rows), request, self, count_queryset=rows.order_by())
        return paginator.get_paginated_response(self.bodies(request, page))

    @extend_schema(request=ReportingConfigurationRequestSerializer, responses={201: ReportingConfigurationSerializer})
    @requires(CAN_MANAGE_REPORTING_CONFIG, context=body(CUSTOMER))
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        customer = _customer_of_body(request)
        sent = ReportingConfigurationRequestSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values = dict(sent.validated_data)
        del values[CUSTOMER]
        # A body that names no customer has been refused by now.
        configuration = reporting.create(cast(EnterpriseCustomer, customer), values, catalogs=values.pop(CATALOGS))
        return Response(self.one_body(request, configuration), status=201)


class ReportingConfigurationView(ReportingConfigurationViewBase):
    """`GET`, `PUT`, `PATCH`, `DELETE .../enterprise_customer_reporting/{uuid}/`."""

    @extend_schema(parameters=PARAMETERS, responses=ReportingConfigurationSerializer)
    @requires(CAN_MANAGE_REPORTING_CONFIG, context=_own_customer)
    def get(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        return Response(self.one_body(request, one_configuration(request, uuid)))

    @extend_schema(request=ReportingConfigurationChangeSerializer, responses=ReportingConfigurationSerializer)
    @requires(CAN_MANAGE_REPORTING_CONFIG, context=_own_customer)
    def put(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        return self.change(request, uuid, partial=False)

    @extend_schema(request=ReportingConfigurationChangeSerializer, responses=ReportingConfigurationSerializer)
    @requires(CAN_MANAGE_REPORTING_CONFIG, context=_own_customer)
    def patch(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        return self.change(request, uuid, partial=True)

    @extend_schema(request=None, responses={204: OpenApiResponse(description="It is gone.")})
    @requires(CAN_MANAGE_REPORTING_CONFIG, context=_own_customer)
    def delete(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        one_configuration(request, uuid).delete()
        return Response(status=204)

    def change(self, request: Request, uuid: str, *, partial: bool) -> Response:
        """The answer to PUT and PATCH. To hand a configuration to another customer takes the permission there too."""
        configuration = one_configuration(request, uuid)
        given = _customer_id(request)
        if given and parsed_uuid(given) != configuration.enterprise_customer_id:
            ensure(request, CAN_MANAGE_REPORTING_CONFIG, context=given)
        customer = _customer_of_body(request) or configuration.enterprise_customer
        sent = ReportingConfigurationChangeSerializer(data=request.data, partial=partial)
        sent.is_valid(raise_exception=True)
        values = dict(sent.validated_data)
        values.pop(CUSTOMER, None)
        configuration = reporting.change(configuration, customer, values, catalogs=values.pop(CATALOGS, []))
        return Response(self.one_body(request, configuration))


def _customer_id(request: Request) -> str | None:
    """The customer that the body names, as a text."""
    value = request.data.get(CUSTOMER) if isinstance(request.data, Mapping) else None
    return str(value) if value else None


def _customer_of_body(request: Request) -> EnterpriseCustomer | None:
    """The customer that the body names, active or not; None when it names none.

    Raises:
        NotFound: there is no such customer.
    """
    given = _customer_id(request)
    return one_of(EnterpriseCustomer.all_objects.all(), given) if given else None
