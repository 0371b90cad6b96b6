"""What pays for enterprise enrollments: looked up, cancelled, and listed when its learners left.

Contract: enterprise-learners, enterprise-subsidy-fulfillment.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.throttles import UserThrottle
from enterprise.models import LearnerCreditEnterpriseCourseEnrollment, LicensedEnterpriseCourseEnrollment
from enterprise.permissions import (
    CAN_ACCESS_ADMIN_DASHBOARD,
    CAN_ENROLL_LEARNERS,
    CAN_MANAGE_FULFILLMENTS,
    holds,
)
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.fulfillments import (
    SUBSIDY,
    AnyFulfillment,
    customer_of,
    fulfillment_by_uuid,
    unenrolled,
)
from enterprise.serializers.fulfillments import (
    LearnerCreditFulfillmentSerializer,
    LicenseFulfillmentSerializer,
    UnenrolledFilterSerializer,
    fulfillment_body,
)
from enterprise.services import fulfillments

UNKNOWN = "No fulfillment record matches the provided UUID."
UNKNOWN_TO_STAFF = "No enrollment found for the given fulfillment source uuid."
ALREADY_CANCELED = "Enrollment is already canceled."
FULFILLMENT = PolymorphicProxySerializer(
    "SubsidyFulfillment", [LearnerCreditFulfillmentSerializer, LicenseFulfillmentSerializer], None
)
# The plus of an offset that was sent without being escaped arrives as a blank.
_blank_for_plus = re.compile(r"(:\S*) (?=\d\d:?\d\d$)")


def the_customer(view: Any, request: Request) -> str | None:
    """The permission's context: the fulfillment's customer; staff are not held to one.

    Raises:
        NotFound: there is no such fulfillment; staff hear of that later.
    """
    if request.user.is_staff:
        return None
    return str(customer_of(view.fulfillment(UNKNOWN)))


class FulfillmentViewBase(DetailErrors, APIView):
    """Finds the fulfillment that the path names, once per request."""

    throttle_classes = [UserThrottle]
    _found: AnyFulfillment | None = None

    def fulfillment(self, unknown: Any) -> AnyFulfillment:
        """
        Args:
            unknown: what the 404 says.
        Raises:
            NotFound: there is no such fulfillment, or the path holds no uuid.
        """
        if self._found is None:
            uuid = parsed_uuid(self.kwargs["fulfillment_source_uuid"])
            self._found = None if uuid is None else fulfillment_by_uuid(uuid)
        if self._found is None:
            raise NotFound(unknown)
        return self._found


class SubsidyFulfillmentView(FulfillmentViewBase):
    """`GET .../enterprise-subsidy-fulfillment/{uuid}`."""

    permission_classes = [holds(CAN_ACCESS_ADMIN_DASHBOARD, context=the_customer)]

    @extend_schema(responses=FULFILLMENT)
    def get(self, request: Request, fulfillment_source_uuid: str) -> Response:
        try:
            found = self.fulfillment(UNKNOWN_TO_STAFF)
        except NotFound:
            raise Refusal(UNKNOWN_TO_STAFF, status=404, body={"detail": [UNKNOWN_TO_STAFF]}) from None
        licensed = isinstance(found, LicensedEnterpriseCourseEnrollment)
        serializer = LicenseFulfillmentSerializer if licensed else LearnerCreditFulfillmentSerializer
        return Response(serializer(found).data)


class CancelFulfillmentView(FulfillmentViewBase):
    """`POST .../enterprise-subsidy-fulfillment/{uuid}/cancel-fulfillment`."""

    permission_classes = [holds(CAN_ENROLL_LEARNERS, context=the_customer)]

    @extend_schema(
        request=None,
        responses={
            200: OpenApiResponse(OpenApiTypes.OBJECT, description="It was cancelled before; nothing changes."),
            204: OpenApiResponse(description="The learner is unenrolled, the fulfillment revoked."),
            422: OpenApiResponse(OpenApiTypes.STR, description="The learner could not be unenrolled; nothing changed."),
        },
    )
    def post(self, request: Request, fulfillment_source_uuid: str) -> Response:
        if not fulfillments.cancel(self.fulfillment(UNKNOWN)):
            return Response({"detail": ALREADY_CANCELED})
        return Response(status=204)


class UnenrolledFulfillmentsView(DetailErrors, APIView):
    """`GET .../operator/enterprise-subsidy-fulfillment/unenrolled`: of all customers, on one page."""

    throttle_classes = [UserThrottle]
    permission_classes = [holds(CAN_MANAGE_FULFILLMENTS)]
    pagination_class = None

    @extend_schema(
        parameters=[UnenrolledFilterSerializer],
        responses=PolymorphicProxySerializer(
            component_name="UnenrolledFulfillment",
            serializers=[LearnerCreditFulfillmentSerializer, LicenseFulfillmentSerializer],
            resource_type_field_name=None,
            many=True,
        ),
    )
    def get(self, request: Request) -> Response:
        licensed = bool(request.query_params.get("retrieve_licensed_enrollments"))
        kind = LicensedEnterpriseCourseEnrollment if licensed else LearnerCreditEnterpriseCourseEnrollment
        subsidy = SUBSIDY[kind]
        rows = unenrolled(kind, _unenrolled_after(request))
        return Response(
            [
                fulfillment_body(link_id, run_key, ended, created, (subsidy, paid_by), uuid)
                for link_id, run_key, ended, created, paid_by, uuid in rows
            ]
        )


def _unenrolled_after(request: Request) -> datetime | None:
    """
    Raises:
        ValidationError: no moment.
    """
    text = request.query_params.get("unenrolled_after")
    if not text:
        return None
    query = UnenrolledFilterSerializer(data={"unenrolled_after": _blank_for_plus.sub(r"\1+", text)})
    query.is_valid(raise_exception=True)
    moment: datetime = query.validated_data["unenrolled_after"]
    return moment
