"""Default enrollment intentions, and where a learner stands with them (contract: enterprise-learners)."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.pagination import DefaultPagination
from config.api.throttles import UserThrottle
from enrollments.models import User
from enterprise.models import EnterpriseCustomerUser
from enterprise.permissions import CAN_VIEW_DEFAULT_INTENTIONS, holds, holds_somewhere
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.default_intentions import intention_facts, intentions_of, learner_status
from enterprise.queries.roles import ALL_CONTEXTS, access
from enterprise.serializers.default_intentions import (
    IntentionSerializer,
    LearnerStatusSerializer,
    intention_body,
    learner_status_body,
)

CUSTOMER = "enterprise_customer_uuid"
REQUIRED = f"{CUSTOMER} is a required query parameter."
NO_UUID = f"{CUSTOMER} query parameter is not a valid UUID."
NO_SUCH_INTENTION = "No DefaultEnterpriseEnrollmentIntention matches the given query."
CUSTOMER_PARAMETER = OpenApiParameter(CUSTOMER, UUID, required=True)


def the_customer(view: Any, request: Request) -> UUID:
    """The customer that the query names.

    Raises:
        Refusal: 400, it names none.
    """
    text = request.query_params.get(CUSTOMER)
    if not text:
        raise Refusal(REQUIRED)
    uuid = parsed_uuid(text)
    if uuid is None:
        raise Refusal(NO_UUID)
    return uuid


class IntentionsView(DetailErrors, APIView):
    """`GET .../default-enterprise-enrollment-intentions/`."""

    throttle_classes = [UserThrottle]
    permission_classes = [holds_somewhere(CAN_VIEW_DEFAULT_INTENTIONS)]
    pagination_class = DefaultPagination

    @extend_schema(parameters=[CUSTOMER_PARAMETER], responses=IntentionSerializer(many=True))
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """The intentions of a customer; none for callers who hold the role for other customers only."""
        customer_id = the_customer(self, request)
        contexts = access(request).contexts(CAN_VIEW_DEFAULT_INTENTIONS)
        intentions = intentions_of(customer_id)
        if not contexts & {ALL_CONTEXTS, str(customer_id)}:
            intentions = intentions.none()
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(intentions, request, self, count_queryset=intentions.order_by())
        return paginator.get_paginated_response([intention_body(facts) for facts in intention_facts(page)])


class OfOneCustomerView(DetailErrors, APIView):
    """The parameter is looked at before the permission, which nobody but superusers is spared."""

    throttle_classes = [UserThrottle]
    permission_classes = [holds(CAN_VIEW_DEFAULT_INTENTIONS, context=the_customer)]


class IntentionView(OfOneCustomerView):
    """`GET .../default-enterprise-enrollment-intentions/{uuid}/`."""

    @extend_schema(parameters=[CUSTOMER_PARAMETER], responses=IntentionSerializer)
    def get(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """One intention of the customer."""
        key = parsed_uuid(uuid)
        if key is None:
            raise NotFound
        intention = intentions_of(the_customer(self, request)).filter(pk=key).first()
        if intention is None:
            raise NotFound(NO_SUCH_INTENTION)
        (facts,) = intention_facts([intention])
        return Response(intention_body(facts))


class LearnerStatusView(OfOneCustomerView):
    """`GET .../default-enterprise-enrollment-intentions/learner-status/`."""

    @extend_schema(
        parameters=[
            CUSTOMER_PARAMETER,
            OpenApiParameter("lms_user_id", int, description="The learner, for staff; everybody else: themselves."),
        ],
        responses=LearnerStatusSerializer,
    )
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Which intentions the learner is enrolled in, may be enrolled in, or cannot be."""
        customer_id = the_customer(self, request)
        learner = _learner(request)
        link = EnterpriseCustomerUser.objects.filter(enterprise_customer_id=customer_id, user_id=learner.pk).first()
        if link is None:
            raise Refusal(
                f"User with lms_user_id {learner.pk} is not associated with the enterprise customer {customer_id}."
            )
        return Response(learner_status_body(learner.pk, learner.email, str(customer_id), learner_status(link)))


def _learner(request: Request) -> User:
    """Whom the answer is about.

    Raises:
        Refusal: 400, staff named nobody who exists.
    """
    caller = cast(User, request.user)
    asked_for = request.query_params.get("lms_user_id")
    if not asked_for or not caller.is_staff:
        return caller
    number = int(asked_for) if asked_for.isascii() and asked_for.isdigit() and len(asked_for) < 19 else None
    found = None if number is None else User.objects.filter(pk=number).first()
    if found is None:
        raise Refusal(f"User with lms_user_id {asked_for} not found.")
    return found
