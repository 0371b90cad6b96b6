"""Enterprise customers (contract: enterprise-customers 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import ORDERING, narrowed, query_parameters
from config.api.pagination import FeatureFlagPagination
from config.api.permissions import InAnyGroup
from config.api.throttles import HighServiceUserThrottle
from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from enterprise.permissions import (
    CAN_ACCESS_ADMIN_DASHBOARD,
    PROVISIONS_CUSTOMERS,
    path,
    requires,
    requires_any,
)
from enterprise.queries.customer_filters import FILTER_FIELDS, CustomerFilter, chosen, searched
from enterprise.queries.customers import (
    CustomerFacts,
    active_sso_configurations,
    all_visible_customers,
    customer_facts,
    fact_rows,
    facts_of,
    named,
    one_of,
    visible_customer_facts,
    visible_customers,
)
from enterprise.serializers.customers import (
    CustomerNameSerializer,
    CustomerSerializer,
    CustomerWriteSerializer,
    SupportCustomerSerializer,
    customer_body,
    support_customer_body,
)
from enterprise.services import customers

FILTERS = query_parameters(CustomerFilter, FILTER_FIELDS)
CHOICE = [
    OpenApiParameter("enterprise_id", UUID, description="Only this customer."),
    OpenApiParameter("enterprise_slug", str, description="Only this customer; without `enterprise_id`."),
    OpenApiParameter("search", str, description="A part of the name; without the other two."),
]
MODEL_PERMISSIONS = {
    "PUT": "enterprise.change_enterprisecustomer",
    "DELETE": "enterprise.delete_enterprisecustomer",
}


class HasModelPermission(BasePermission):
    """PUT and DELETE are for who holds Django's own permission for it; no enterprise role counts there."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        wanted = MODEL_PERMISSIONS.get(request.method or "")
        return wanted is None or request.user.has_perm(wanted)


class CustomerViewBase(DetailErrors, APIView):
    """Shows customers, in a number of statements that does not grow with them."""

    throttle_classes = [HighServiceUserThrottle]
    pagination_class = FeatureFlagPagination
    order = "created"  # where the query asks for none
    narrowing = frozenset({*FILTER_FIELDS, ORDERING})

    def page(self, request: Request, rows: Any, show: Callable[[list[CustomerFacts]], list[Any]]) -> Response:
        """One page of customers, in their order.

        Args:
            rows: what facts are made of, to slice and to count.
            show: from the facts of the page to its results.
        """
        paginator = self.pagination_class()
        facts = facts_of(paginator.paginate_queryset(rows, request, self), cast(User, request.user))
        return paginator.get_paginated_response(show(list(facts.values())))

    def page_of_customers(self, request: Request) -> Response:
        """One page of the customers that the caller sees and the query leaves."""
        rows: Any = all_visible_customers(request, self.order)
        if not request.query_params.keys().isdisjoint(self.narrowing):
            wanted = narrowed(self.wanted(request).order_by(self.order, "pk"), request, CustomerFilter, FILTER_FIELDS)
            rows = fact_rows(wanted)
        return self.page(request, rows, lambda facts: [customer_body(each, request) for each in facts])

    def wanted(self, request: Request) -> QuerySet[EnterpriseCustomer]:
        """The customers that the caller sees, before the query's filters."""
        return visible_customers(request)

    def shown(self, request: Request, uuid: UUID, status: int = 200) -> Response:
        """One customer.

        Raises:
            NotFound: somebody has just deleted it.
        """
        facts = customer_facts([uuid], cast(User, request.user)).get(uuid)
        if facts is None:
            raise NotFound(customers.GONE)
        return Response(customer_body(facts, request), status=status)

    def found(self, request: Request, uuid: str) -> EnterpriseCustomer:
        """The customer of the path, if the caller sees it and the query's filters leave it.

        Raises:
            NotFound: else.
        """
        return one_of(narrowed(visible_customers(request), request, CustomerFilter), uuid)


class CustomerListView(CustomerViewBase):
    """`.../enterprise-customer/`."""

    @extend_schema(parameters=FILTERS, responses=CustomerSerializer(many=True))
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """The customers that the caller sees: staff and provisioning admins all, others those they are linked to."""
        return self.page_of_customers(request)

    @extend_schema(request=CustomerWriteSerializer, responses={201: CustomerSerializer})
    @requires_any(CAN_ACCESS_ADMIN_DASHBOARD, PROVISIONS_CUSTOMERS)
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Make a customer. The caller is not linked to it."""
        sent = CustomerWriteSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return self.shown(request, customers.create(sent.validated_data).pk, status=201)


class CustomerView(CustomerViewBase):
    """`.../enterprise-customer/{uuid}/`."""

    permission_classes = [IsAuthenticated, HasModelPermission]

    @extend_schema(parameters=FILTERS, responses=CustomerSerializer)
    def get(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """A customer that the caller sees."""
        if not request.query_params.keys().isdisjoint(FILTER_FIELDS):
            return self.shown(request, self.found(request, uuid).pk)
        return Response(customer_body(visible_customer_facts(request, uuid), request))

    @extend_schema(request=CustomerWriteSerializer, responses=CustomerSerializer)
    def put(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Change a customer; `name` and `site` are needed, other fields that are left out stay."""
        return self._updated(request, uuid)

    @extend_schema(request=CustomerWriteSerializer, responses=CustomerSerializer)
    @requires_any(CAN_ACCESS_ADMIN_DASHBOARD, PROVISIONS_CUSTOMERS, context=path("uuid"))
    def patch(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Change some fields of a customer. One that is made inactive is not seen any more."""
        return self._updated(request, uuid, partial=True)

    @extend_schema(responses={204: OpenApiResponse(description="Deleted for good, with all that hangs on it.")})
    def delete(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Delete a customer."""
        customers.delete(self.found(request, uuid))
        return Response(status=204)

    def _updated(self, request: Request, uuid: str, *, partial: bool = False) -> Response:
        customer = self.found(request, uuid)
        sent = CustomerWriteSerializer(customer, data=request.data, partial=partial)
        sent.is_valid(raise_exception=True)
        customers.update(customer, sent.validated_data)
        return self.shown(request, customer.pk)


class CustomerBasicListView(DetailErrors, APIView):
    """`GET .../enterprise-customer/basic_list/`."""

    throttle_classes = [HighServiceUserThrottle]

    @extend_schema(
        parameters=[
            OpenApiParameter("startswith", str, description="How the name begins."),
            OpenApiParameter("name_or_uuid", str, description="A part of the name or of the uuid."),
        ],
        responses=CustomerNameSerializer(many=True),
    )
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Uuid and name of all customers that the caller sees, by name, on one page."""
        asked = request.query_params
        rows = named(visible_customers(request), asked.get("startswith", ""), asked.get("name_or_uuid", ""))
        return Response([{"id": uuid, "name": name} for uuid, name in rows])


class CustomerSupportToolView(CustomerViewBase):
    """`GET .../enterprise-customer/support_tool/`."""

    @extend_schema(
        parameters=[
            OpenApiParameter("user_query", str, description="A part of the slug or of the name."),
            OpenApiParameter("uuid", UUID, description="Only this customer."),
        ],
        responses=SupportCustomerSerializer(many=True),
    )
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Customers by name, each with its active sign-on configurations."""
        rows: Any = all_visible_customers(request, "name")
        if not request.query_params.keys().isdisjoint(("user_query", "uuid")):
            rows = fact_rows(searched(visible_customers(request), request.query_params).order_by("name", "pk"))

        def show(page: list[CustomerFacts]) -> list[Any]:
            configurations = active_sso_configurations([facts.uuid for facts in page])
            return [support_customer_body(facts, configurations.get(facts.uuid, []), request) for facts in page]

        return self.page(request, rows, show)


class CustomerChoiceViewBase(CustomerViewBase):
    """Customers by name, narrowed by the parameters of CHOICE too."""

    order = "name"
    narrowing = CustomerViewBase.narrowing | {parameter.name for parameter in CHOICE}

    def wanted(self, request: Request) -> QuerySet[EnterpriseCustomer]:
        return chosen(super().wanted(request), request.query_params)


class CustomersWithAccessView(CustomerChoiceViewBase):
    """`GET .../enterprise-customer/with_access_to/`."""

    permission_classes = [IsAuthenticated, InAnyGroup]

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "permissions", str, many=True, required=True, description="Names of groups; one suffices."
            ),
            *CHOICE,
            *FILTERS,
        ],
        responses=CustomerSerializer(many=True),
    )
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Customers by name, for members of a group that the query names."""
        return self.page_of_customers(request)


class CustomerDashboardListView(CustomerChoiceViewBase):
    """`GET .../enterprise-customer/dashboard_list/`."""

    @extend_schema(parameters=[*CHOICE, *FILTERS], responses=CustomerSerializer(many=True))
    @requires(CAN_ACCESS_ADMIN_DASHBOARD)
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Customers by name, for admins of any customer."""
        return self.page_of_customers(request)
