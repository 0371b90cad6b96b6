"""`enterprise-learner`: links of accounts with customers (contract: enterprise-learners)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import ORDERING as ORDERING_PARAMETER
from config.api.filters import narrowed, query_parameters
from config.api.pagination import FeatureFlagPagination
from config.api.throttles import UserThrottle
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.queries import learners as queries
from enterprise.queries.customers import customer_facts, parsed_uuid
from enterprise.queries.learner_filters import CUSTOMER, LearnerFilter, StaffLearnerFilter, refuse_unknown_customer
from enterprise.serializers.customers import customer_body
from enterprise.serializers.learners import LearnerSerializer, LearnerWriteSerializer, learner_body
from enterprise.services import links

ORDERING = ("enterprise_customer", "user_id", "active")
PARAMETERS = query_parameters(StaffLearnerFilter, ORDERING)


class LearnerViewBase(DetailErrors, APIView):
    """Who may call, and which links the caller sees: readers are signed in, writers hold Django's model permission."""

    permission_classes = [DjangoModelPermissions]
    throttle_classes = [UserThrottle]
    pagination_class = FeatureFlagPagination
    queryset = EnterpriseCustomerUser.objects.none()  # names the model of the permissions

    def rows(self, request: Request) -> QuerySet[EnterpriseCustomerUser]:
        """The visible links that the query asks for."""
        filters = StaffLearnerFilter if request.user.is_staff else LearnerFilter
        return narrowed(queries.visible_learners(request.user), request, filters, ORDERING)

    def link(self, request: Request, pk: str) -> EnterpriseCustomerUser:
        """
        Raises:
            NotFound: the caller sees no such link.
        """
        try:
            return queries.one_learner(self.rows(request), pk)
        except NotFound:
            refuse_unknown_customer(request)
            raise

    def shown(self, request: Request, ids: Sequence[int]) -> list[dict[str, Any]]:
        """The links with these ids as answers show them; a fixed number of statements."""
        rows = queries.learners(ids)
        facts = customer_facts({row.customer_id for row in rows}, request.user)  # type: ignore[arg-type]
        customers = {uuid: customer_body(each, request) for uuid, each in facts.items()}
        consent_wanted = {uuid: _asks_for_consent(each) for uuid, each in facts.items()}
        belongings = queries.belongings(rows, consent_wanted)
        return [learner_body(row, customers[row.customer_id], belongings[row.id]) for row in rows]

    def checked(self, data: Any, link: EnterpriseCustomerUser | None = None, partial: bool = False) -> dict[str, Any]:
        """What a body asks for: `enterprise_customer`, `username`, `active` (of them what was sent when partial).

        Raises:
            ValidationError: texts by field.
        """
        sent = data if hasattr(data, "get") else {}
        context = {
            "customers": queries.customers_named([sent.get("enterprise_customer")]),
            "accounts": queries.accounts_named([sent.get("username")]),
            "link": link,
        }
        body = LearnerWriteSerializer(data=data, context=context, partial=partial)
        body.is_valid(raise_exception=True)
        return {**body.validated_data, "accounts": context["accounts"]}


class LearnerListView(LearnerViewBase):
    """`GET` and `POST .../enterprise-learner/`."""

    @extend_schema(parameters=PARAMETERS, responses=LearnerSerializer(many=True))
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Links that stand: all for staff, else the caller's own. Other filters than the first three are for staff."""
        ids, number = self.wanted(request)
        paginator = self.pagination_class()
        try:
            page = paginator.paginate_queryset(ids, request, self, count_queryset=number)
        except NotFound:
            refuse_unknown_customer(request)
            raise
        if not page:
            refuse_unknown_customer(request)
        return paginator.get_paginated_response(self.shown(request, [pk for (pk,) in page]))

    def wanted(self, request: Request) -> tuple[Any, Any]:
        """Ids, in tuples, and what to count: those that the query asks for, by the short way if it can be gone."""
        asked = {
            name for name in (*StaffLearnerFilter.base_filters, ORDERING_PARAMETER) if request.query_params.get(name)
        }
        customer_id = parsed_uuid(request.query_params[CUSTOMER]) if asked == {CUSTOMER} else None
        if customer_id is not None and request.user.is_staff:
            return queries.learners_of_customer(customer_id)
        rows = self.rows(request)
        return rows.values_list("pk"), rows

    @extend_schema(request=LearnerWriteSerializer, responses={201: LearnerWriteSerializer})
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Links an account, or changes whether its link is active; a barred learner is linked again."""
        wish = self.checked(request.data)
        account = wish["accounts"][wish["username"]]
        links.link_account(wish["enterprise_customer"], account, active=wish["active"])
        return Response(_echo(wish["enterprise_customer"], wish["username"], wish["active"]), status=201)


class LearnerView(LearnerViewBase):
    """`GET`, `PUT`, `PATCH` and `DELETE .../enterprise-learner/{id}/`."""

    @extend_schema(responses=LearnerSerializer)
    def get(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """One link."""
        found = self.shown(request, [self.link(request, pk).pk])
        if not found:
            raise NotFound(queries.NO_SUCH_LEARNER)
        return Response(found[0])

    @extend_schema(request=LearnerWriteSerializer, responses=LearnerWriteSerializer)
    def put(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """Whether the link is active; the body names its customer and learner."""
        return self._change(request, pk, partial=False)

    @extend_schema(request=LearnerWriteSerializer(partial=True), responses=LearnerWriteSerializer)
    def patch(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """The same; what the body leaves out stays."""
        return self._change(request, pk, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        """Deletes the link for good, with its enterprise enrollments and both roles for the customer."""
        link = self.link(request, pk)
        try:
            links.delete(link)
        except links.NotLinked as gone:
            raise NotFound(queries.NO_SUCH_LEARNER) from gone
        return Response(status=204)

    def _change(self, request: Request, pk: str, *, partial: bool) -> Response:
        link = self.link(request, pk)
        active = self.checked(request.data, link, partial).get("active", link.active)
        try:
            links.set_active(link, active)
        except links.NotLinked as gone:
            raise NotFound(queries.NO_SUCH_LEARNER) from gone
        account = link.user_fk
        return Response(_echo(link.enterprise_customer, account.username if account else None, active))


def _asks_for_consent(facts: Any) -> bool:
    """Whether a customer asks for consent when a learner enrolls."""
    at_enrollment = facts["enforce_data_sharing_consent"] == EnterpriseCustomer.Consent.AT_ENROLLMENT
    return bool(facts["enable_data_sharing_consent"]) and at_enrollment


def _echo(customer: EnterpriseCustomer, username: str | None, active: bool) -> dict[str, Any]:
    return {"enterprise_customer": str(customer.pk), "username": username, "active": active}
