"""`enterprise-group-membership`: one learner's groups (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import DefaultPagination
from config.api.throttles import UserThrottle
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, ensure
from enterprise.queries import groups as queries
from enterprise.queries.customers import parsed_uuid
from enterprise.serializers.groups import MembershipSerializer, membership_body

BOTH = "Both 'lms_user_id' and 'enterprise_uuid' are required parameters."
NO_NUMBER = "A valid integer is required."
NO_UUID = "Must be a valid UUID."
LONGEST_ID = 18  # digits
PARAMETERS = [
    OpenApiParameter("lms_user_id", int, required=True),
    OpenApiParameter("enterprise_uuid", str, required=True),
]


class GroupMembershipsView(DetailErrors, APIView):
    """`GET .../enterprise-group-membership`."""

    throttle_classes = [UserThrottle]
    pagination_class = DefaultPagination

    @extend_schema(parameters=PARAMETERS, responses=MembershipSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Memberships of an account in flex groups of a customer, removed ones too: for the account itself, staff and
        who sees the customer's dashboard."""
        named, customer = request.query_params.get("lms_user_id"), request.query_params.get("enterprise_uuid")
        if not named or not customer:
            return Response({"error": BOTH}, status=400)
        if not (named.isascii() and named.isdigit()):
            raise ValidationError({"lms_user_id": [NO_NUMBER]})
        customer_id = parsed_uuid(customer)
        if customer_id is None:
            raise ValidationError({"enterprise_uuid": [NO_UUID]})
        user_id = int(named) if len(named) <= LONGEST_ID else 0
        if not (request.user.is_staff or user_id == request.user.pk):
            ensure(request, CAN_ACCESS_ADMIN_DASHBOARD, context=str(customer_id))
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(queries.flex_memberships(user_id, customer_id), request, self)
        rows = queries.memberships([uuid for (uuid,) in page])
        return paginator.get_paginated_response([membership_body(row) for row in rows])
