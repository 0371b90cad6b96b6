"""Addresses that wait for an account (contract: enterprise-learners, pending-enterprise-learner and
link_pending_enterprise_users)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.filters import narrowed, query_parameters
from config.api.pagination import DefaultPagination
from config.api.permissions import IsStaff
from config.api.throttles import UserThrottle
from enterprise.models import PendingEnterpriseCustomerUser
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, path, requires
from enterprise.queries import learners as queries
from enterprise.queries.learner_filters import PendingLearnerFilter, refuse_unknown_customer
from enterprise.serializers.learners import PendingLearnerSerializer, checked_items, pending_learner_body
from enterprise.services import pending_learners
from enterprise.services.pending_learners import Newcomer

NOBODY = "At least one user email is required."
NOT_UNIQUE = "The fields user_email, enterprise_customer must make a unique set."
ORDERING = ("enterprise_customer", "user_email")
ONE_OR_MANY = PolymorphicProxySerializer(
    "PendingLearners", [PendingLearnerSerializer, PendingLearnerSerializer(many=True)], None, many=False
)
ADDED = {
    201: OpenApiResponse(ONE_OR_MANY, description="The body as it was sent: at least one learner is new."),
    204: OpenApiResponse(description="All of them were learners, or pending learners, already."),
}


def checked(data: Any, *, many: bool = False, only: str | None = None, partial: bool = False) -> Any:
    """What a body asks for: the values of one pending learner, or a list of them.

    Args:
        only: the text of the customer's uuid that all must be for.
    Raises:
        ValidationError: texts by field; for a list, one object for each item.
    """
    items = data if many else [data]
    named = [item.get("enterprise_customer") for item in items if isinstance(item, Mapping)]
    context: dict[str, Any] = {"customers": queries.customers_named(named)}
    if only is not None:
        context["only"] = only
    if many:
        return checked_items(PendingLearnerSerializer(context=context), data)
    body = PendingLearnerSerializer(data=data, partial=partial, context=context)
    body.is_valid(raise_exception=True)
    return body.validated_data


def add(data: Any, only: str | None = None) -> Response:
    """Adds the learners of a body, one or a list: 201 with its echo when any is new, else 204."""
    many = isinstance(data, list)
    values = checked(data, many=many, only=only)
    newcomers = [Newcomer(each["enterprise_customer"], each["user_email"]) for each in (values if many else [values])]
    if not pending_learners.add(newcomers):
        return Response(status=204)
    echo = [_echo(newcomer) for newcomer in newcomers]
    return Response(echo if many else echo[0], status=201)


class PendingLearnerViewBase(DetailErrors, APIView):
    """Staff only."""

    permission_classes = [IsStaff]
    throttle_classes = [UserThrottle]
    pagination_class = DefaultPagination

    def rows(self, request: Request) -> QuerySet[PendingEnterpriseCustomerUser]:
        """The pending learners that the query asks for."""
        return narrowed(queries.all_pending_learners(), request, PendingLearnerFilter, ORDERING)


class PendingLearnerListView(PendingLearnerViewBase):
    """`GET` and `POST .../pending-enterprise-learner/`."""

    @extend_schema(
        parameters=query_parameters(PendingLearnerFilter, ORDERING), responses=PendingLearnerSerializer(many=True)
    )
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Pending learners of all customers, the oldest first."""
        paginator = self.pagination_class()
        try:
            page = paginator.paginate_queryset(self.rows(request), request, self)
        except NotFound:
            refuse_unknown_customer(request)
            raise
        if not page:
            refuse_unknown_customer(request)
        return paginator.get_paginated_response([pending_learner_body(row) for row in page])

    @extend_schema(request=ONE_OR_MANY, responses=ADDED)
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Links the accounts with these addresses; addresses without one become pending learners. All or nothing."""
        return add(request.data)


class PendingLearnerView(PendingLearnerViewBase):
    """`GET`, `PUT`, `PATCH` and `DELETE .../pending-enterprise-learner/{id}/`."""

    @extend_schema(responses=PendingLearnerSerializer)
    def get(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """One pending learner."""
        return Response(pending_learner_body(self._pending(request, pk)))

    @extend_schema(request=PendingLearnerSerializer, responses=PendingLearnerSerializer)
    def put(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """Gives a pending learner another customer or address."""
        return self._change(request, pk, partial=False)

    @extend_schema(request=PendingLearnerSerializer(partial=True), responses=PendingLearnerSerializer)
    def patch(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """The same; what the body leaves out stays."""
        return self._change(request, pk, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """Deletes a pending learner, with the enrollments that wait for it."""
        pending = self._pending(request, pk)
        try:
            pending_learners.delete(pending)
        except pending_learners.NotPending as gone:
            raise NotFound(queries.NO_SUCH_PENDING_LEARNER) from gone
        return Response(status=204)

    def _pending(self, request: Request, pk: str) -> PendingEnterpriseCustomerUser:
        try:
            return queries.one_pending_learner(self.rows(request), pk)
        except NotFound:
            refuse_unknown_customer(request)
            raise

    def _change(self, request: Request, pk: str, *, partial: bool) -> Response:
        pending = self._pending(request, pk)
        values = checked(request.data, partial=partial)
        wanted = Newcomer(
            values.get("enterprise_customer", pending.enterprise_customer),
            values.get("user_email", pending.user_email),
        )
        try:
            pending_learners.change(pending, wanted)
        except pending_learners.AlreadyPending as taken:
            raise ValidationError({"non_field_errors": [NOT_UNIQUE]}) from taken
        except pending_learners.NotPending as gone:
            raise NotFound(queries.NO_SUCH_PENDING_LEARNER) from gone
        return Response(_echo(wanted))


class LinkPendingLearnersView(DetailErrors, APIView):
    """`POST .../link_pending_enterprise_users/{uuid}`: the same for the admins of one customer."""

    throttle_classes = [UserThrottle]

    @extend_schema(request=ONE_OR_MANY, responses=ADDED)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=path("enterprise_uuid"))
    def post(self, request: Request, enterprise_uuid: str) -> Response:
        """Links the accounts with these addresses to the customer; the others become pending learners."""
        if not request.data:
            raise Refusal(NOBODY, body=NOBODY)
        return add(request.data, only=enterprise_uuid)


def _echo(newcomer: Newcomer) -> dict[str, str]:
    return {"enterprise_customer": str(newcomer.customer.pk), "user_email": newcomer.email}
