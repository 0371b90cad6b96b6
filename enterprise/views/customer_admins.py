"""`enterprise-customer-admin`: admin records, invitations and their end (contract: enterprise-admins-groups-sso)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import PlainPagination
from config.db.ids import LARGEST_ID
from enrollments.models import User
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerAdmin,
    OnboardingFlow,
)
from enterprise.permissions import CAN_MANAGE_ADMINS, PROVISIONS_CUSTOMERS, body, path, requires
from enterprise.queries.customers import NO_SUCH_CUSTOMER, parsed_uuid
from enterprise.serializers.customer_admins import (
    AdminInviteSerializer,
    AdminInvitesSerializer,
    CustomerAdminSerializer,
    NewAdminSerializer,
    TourFlowSerializer,
)
from enterprise.services import admins

NO_SUCH_ADMIN = "No EnterpriseCustomerAdmin matches the given query."
NO_SUCH_FLOW = "No OnboardingFlow matches the given query."
UNKNOWN_FLOW = 'Invalid pk "{}" - object does not exist.'
PENDING, ADMIN = "pending", "admin"


class CustomerAdminViewBase(DetailErrors, APIView):
    """A caller's own admin records, of customers that the caller acts for."""

    pagination_class = PlainPagination

    def records(self, request: Request) -> QuerySet[EnterpriseCustomerAdmin]:
        rows = EnterpriseCustomerAdmin.objects.filter(
            enterprise_customer_user__user_id=request.user.pk or 0, enterprise_customer_user__active=True
        )
        return rows.order_by("-modified", "pk").prefetch_related("completed_tour_flows")

    def record(self, request: Request, uuid: str) -> EnterpriseCustomerAdmin:
        """
        Raises:
            NotFound: the caller has no such record.
        """
        key = parsed_uuid(uuid)
        if key is None:
            raise NotFound
        found = self.records(request).filter(pk=key).first()
        if found is None:
            raise NotFound(NO_SUCH_ADMIN)
        return found


class CustomerAdminListView(CustomerAdminViewBase):
    """`GET .../enterprise-customer-admin/`."""

    @extend_schema(responses=CustomerAdminSerializer(many=True))
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """The caller's own admin records."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(self.records(request), request, self)
        return paginator.get_paginated_response(CustomerAdminSerializer(page, many=True).data)


class CustomerAdminView(CustomerAdminViewBase):
    """`GET`, `PUT` and `PATCH .../enterprise-customer-admin/{uuid}/`."""

    @extend_schema(responses=CustomerAdminSerializer)
    def get(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """One of the caller's own admin records."""
        return Response(CustomerAdminSerializer(self.record(request, uuid)).data)

    @extend_schema(request=CustomerAdminSerializer, responses=CustomerAdminSerializer)
    def put(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Notes tours and the last sign-in."""
        return self._change(request, uuid, partial=False)

    @extend_schema(request=CustomerAdminSerializer(partial=True), responses=CustomerAdminSerializer)
    def patch(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """The same; what the body leaves out stays."""
        return self._change(request, uuid, partial=True)

    def _change(self, request: Request, uuid: str, *, partial: bool) -> Response:
        record = self.record(request, uuid)
        sent = CustomerAdminSerializer(record, data=request.data, partial=partial)
        sent.is_valid(raise_exception=True)
        try:
            admins.change_record(record, sent.validated_data)
        except admins.UnknownFlow as unknown:
            raise ValidationError({"completed_tour_flows": [UNKNOWN_FLOW.format(unknown.args[0])]}) from unknown
        return Response(CustomerAdminSerializer(self.record(request, uuid)).data)


class CompleteTourFlowView(CustomerAdminViewBase):
    """`POST .../enterprise-customer-admin/{uuid}/complete_tour_flow/`."""

    @extend_schema(
        request=TourFlowSerializer,
        responses=inline_serializer(
            "TourFlowCompleted", {"status": serializers.CharField(), "message": serializers.CharField()}
        ),
    )
    def post(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Notes that the caller took a tour."""
        record = self.record(request, uuid)
        named = _field(request, "flow_uuid")
        if not named:
            return _refused("flow_uuid is required", 400)
        key = parsed_uuid(named)
        flow = OnboardingFlow.objects.filter(pk=key).first() if key else None
        if flow is None:
            raise NotFound(NO_SUCH_FLOW)
        admins.complete_tour_flow(record, flow)
        message = f"Successfully added tour flow {flow.title} to completed flows"
        return Response({"status": "success", "message": message})


class CreateAdminByEmailView(DetailErrors, APIView):
    """`POST .../enterprise-customer-admin/create_admin_by_email/`."""

    @extend_schema(
        request=NewAdminSerializer,
        responses={
            200: OpenApiResponse(CustomerAdminSerializer, description="The account was an admin already."),
            201: CustomerAdminSerializer,
        },
    )
    @requires(PROVISIONS_CUSTOMERS, context=body("enterprise_customer_uuid"))
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Makes an account an admin of a customer."""
        email, uuid = _field(request, "email"), _field(request, "enterprise_customer_uuid")
        if not email:
            return _refused("email is required", 400)
        if not uuid:
            return _refused("enterprise_customer_uuid is required", 400)
        account = User.objects.filter(email=email).first()
        if account is None:
            return _refused(f"User with email {email} does not exist", 404)
        key = parsed_uuid(uuid)
        customer = EnterpriseCustomer.objects.filter(pk=key).first() if key else None
        if customer is None:
            return _refused(f"EnterpriseCustomer with uuid {uuid} does not exist", 404)
        record, created = admins.make_admin(customer, account)
        return Response(CustomerAdminSerializer(record).data, status=201 if created else 200)


class AdminInvitesView(DetailErrors, APIView):
    """`POST .../enterprise-customer-admin/{uuid}/admin_invites/`."""

    @extend_schema(request=AdminInvitesSerializer, responses=AdminInviteSerializer(many=True))
    @requires(CAN_MANAGE_ADMINS, context=path("enterprise_customer_uuid"))
    def post(self, request: Request, enterprise_customer_uuid: str) -> Response:
        """Invites addresses to administer the customer, each with a mail, and says what became of each."""
        key = parsed_uuid(enterprise_customer_uuid)
        if key is None:
            raise ValidationError({"detail": "enterprise_customer_uuid must be a valid UUID."})
        customer = _customer(key)
        sent = AdminInvitesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            outcomes = admins.invite(customer, sent.validated_data["emails"])
        except DatabaseError:
            return Response({"detail": "Failed to create pending invites due to a database error."}, status=500)
        return Response([{"email": email, "status": status} for email, status in outcomes])


class DeleteAdminView(DetailErrors, APIView):
    """`DELETE .../enterprise-customer/{uuid}/admins/{id}`."""

    @extend_schema(
        parameters=[
            OpenApiParameter("id", int, OpenApiParameter.PATH, description="Of the learner link, or the invitation."),
            OpenApiParameter("role", str, enum=[PENDING, ADMIN], description="Or in the body."),
        ],
        responses=inline_serializer(
            "AdminDeleted",
            {"message": serializers.CharField(), "user_deactivated": serializers.BooleanField(required=False)},
        ),
    )
    @requires(CAN_MANAGE_ADMINS, context=path("enterprise_customer_uuid"))
    def delete(self, request: Request, enterprise_customer_uuid: str, id: str) -> Response:  # noqa: A002
        """Takes the administration of the customer from an admin, or an invitation back."""
        key = parsed_uuid(enterprise_customer_uuid)
        if key is None:
            return _refused("enterprise_customer_uuid must be a valid UUID", 400)
        customer = _customer(key)
        number = _whole(id)
        if number is None:
            return _refused("id must be a valid integer", 400)
        role = (request.query_params.get("role") or _field(request, "role")).lower()
        if not role:
            return _refused("role parameter is required (pending or admin)", 400)
        if role not in (PENDING, ADMIN):
            return _refused('Invalid role. Must be "pending" or "admin"', 400)
        return self._take_back(customer, number) if role == PENDING else self._remove(customer, number)

    def _take_back(self, customer: EnterpriseCustomer, number: int) -> Response:
        try:
            email = admins.take_back(customer, number)
        except admins.NoSuchInvitation:
            return _refused("Pending admin invitation not found", 404)
        except DatabaseError:
            return _refused("Failed to delete pending admin invitation due to a database error", 500)
        return Response({"message": f"Pending admin invitation for {email} deleted successfully"})

    def _remove(self, customer: EnterpriseCustomer, number: int) -> Response:
        try:
            account, deactivated = admins.remove_admin(customer, number)
        except admins.NotAnAdmin:
            return _refused("Admin user not found", 404)
        except admins.NoAdminRecord:
            return _refused("Admin record not found", 404)
        except DatabaseError:
            return _refused("Failed to delete admin due to a database error", 500)
        name = (account.email or account.username) if account else str(number)
        ending = " and user account deactivated" if deactivated else ""
        return Response({"message": f"Admin {name} deleted successfully{ending}", "user_deactivated": deactivated})


def _customer(key: Any) -> EnterpriseCustomer:
    customer = EnterpriseCustomer.objects.filter(pk=key).first()
    if customer is None:
        raise NotFound(NO_SUCH_CUSTOMER)
    return customer


def _field(request: Request, name: str) -> str:
    """A field of the body as text; empty when there is none."""
    value = request.data.get(name) if isinstance(request.data, Mapping) else None
    return "" if value is None else str(value)


def _whole(text: str) -> int | None:
    """The number that a path names, as far as an id can be one."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    return min(int(text), LARGEST_ID) if len(text) < 30 else LARGEST_ID


def _refused(text: str, status: int) -> Response:
    return Response({"error": text}, status=status)
