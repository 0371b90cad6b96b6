"""`pending-enterprise-admin`: invitations of admins, for who provisions (contract: enterprise-admins-groups-sso)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import narrowed, query_parameters
from config.api.pagination import DefaultPagination
from config.api.throttles import UserThrottle
from config.db.ids import row_id
from enterprise.models import EnterpriseCustomer, PendingEnterpriseCustomerAdminUser
from enterprise.permissions import PROVISIONS_PENDING_ADMINS, holds
from enterprise.queries.admin_members import PendingAdminFilter, all_pending_admins, holds_admin_role
from enterprise.queries.learner_filters import refuse_unknown_customer
from enterprise.queries.learners import customers_named
from enterprise.serializers.customer_admins import PendingAdminSerializer, pending_admin_body
from enterprise.services import admins

NO_SUCH_PENDING_ADMIN = "No PendingEnterpriseCustomerAdminUser matches the given query."
IS_ADMIN_ALREADY = "A user with this email and enterprise customer already has admin permission."
IS_INVITED_ALREADY = "A pending user with this email and enterprise customer already exists."
UNEXPECTED = "An unexpected error occurred. Please try again later."
ORDERING = ("enterprise_customer", "user_email")


class PendingAdminViewBase(DetailErrors, APIView):
    """For who provisions pending admins, of whichever customer."""

    permission_classes = [holds(PROVISIONS_PENDING_ADMINS)]
    throttle_classes = [UserThrottle]
    pagination_class = DefaultPagination

    def rows(self, request: Request) -> QuerySet[PendingEnterpriseCustomerAdminUser]:
        """The invitations that the query asks for."""
        return narrowed(all_pending_admins(), request, PendingAdminFilter, ORDERING)

    def checked(
        self, data: Any, invited: PendingEnterpriseCustomerAdminUser | None = None, partial: bool = False
    ) -> tuple[EnterpriseCustomer, str]:
        """The customer and address that a body asks for; of a part of one, with the stored values for the rest.

        Raises:
            ValidationError: texts by field.
        """
        named = data.get("enterprise_customer") if isinstance(data, Mapping) else None
        sent = PendingAdminSerializer(data=data, partial=partial, context={"customers": customers_named([named])})
        sent.is_valid(raise_exception=True)
        values = sent.validated_data
        customer: Any = values.get("enterprise_customer") or getattr(invited, "enterprise_customer", None)
        email = values.get("user_email") or getattr(invited, "user_email", "")
        if holds_admin_role(customer.pk, email):
            raise ValidationError({"non_field_errors": [IS_ADMIN_ALREADY]})
        return customer, email


class PendingAdminListView(PendingAdminViewBase):
    """`GET` and `POST .../pending-enterprise-admin/`."""

    @extend_schema(
        parameters=query_parameters(PendingAdminFilter, ORDERING), responses=PendingAdminSerializer(many=True)
    )
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Invitations of all customers, the oldest first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(self.rows(request), request, self)
        if not page:
            refuse_unknown_customer(request)
        return paginator.get_paginated_response([pending_admin_body(row) for row in page])

    @extend_schema(request=PendingAdminSerializer, responses={201: PendingAdminSerializer})
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Notes an invitation; no mail is sent."""
        customer, email = self.checked(request.data)
        try:
            invited = admins.create_pending_admin(customer, email)
        except admins.AlreadyInvited as known:
            raise ValidationError([IS_INVITED_ALREADY]) from known
        except DatabaseError as failure:
            raise ValidationError([UNEXPECTED]) from failure
        return Response(pending_admin_body(invited), status=201)


class PendingAdminView(PendingAdminViewBase):
    """`GET`, `PUT`, `PATCH` and `DELETE .../pending-enterprise-admin/{id}/`."""

    @extend_schema(responses=PendingAdminSerializer)
    def get(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """One invitation."""
        return Response(pending_admin_body(self.invited(request, pk)))

    @extend_schema(request=PendingAdminSerializer, responses=PendingAdminSerializer)
    def put(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """Gives an invitation another customer or address."""
        return self._change(request, pk, partial=False)

    @extend_schema(request=PendingAdminSerializer(partial=True), responses=PendingAdminSerializer)
    def patch(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """The same; what the body leaves out stays."""
        return self._change(request, pk, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """Takes an invitation back, with the pending learner that came with it."""
        admins.delete_pending_admin(self.invited(request, pk))
        return Response(status=204)

    def invited(self, request: Request, pk: str) -> PendingEnterpriseCustomerAdminUser:
        """
        Raises:
            NotFound: there is no such invitation.
        """
        number = row_id(pk)
        if number is None:
            raise NotFound
        found = self.rows(request).select_related("enterprise_customer").filter(pk=number).first()
        if found is None:
            refuse_unknown_customer(request)
            raise NotFound(NO_SUCH_PENDING_ADMIN)
        return found

    def _change(self, request: Request, pk: str, *, partial: bool) -> Response:
        invited = self.invited(request, pk)
        customer, email = self.checked(request.data, invited, partial)
        try:
            changed = admins.change_pending_admin(invited, customer, email)
        except admins.AlreadyInvited as known:
            raise ValidationError([IS_INVITED_ALREADY]) from known
        except admins.NoSuchInvitation as gone:
            raise NotFound(NO_SUCH_PENDING_ADMIN) from gone
        except DatabaseError as failure:
            raise ValidationError([UNEXPECTED]) from failure
        return Response(pending_admin_body(changed))
