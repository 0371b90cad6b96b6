"""`enterprise-customer-support`: everybody a customer knows (contract: enterprise-admins-groups-sso, Support users)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import SupportUserPagination
from config.api.throttles import UserThrottle
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, PROVISIONS_CUSTOMERS, ensure
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.roles import access
from enterprise.queries.support_users import ORDERINGS, Known, accounts, support_users
from enterprise.serializers.people import SupportUserSerializer, support_user_body

UNKNOWN = "Could not find enterprise uuid {}"
PARAMETERS = [
    OpenApiParameter("user_query", str, description="Part of the address or user name."),
    OpenApiParameter("ordering", str, enum=list(ORDERINGS)),
]


class SupportUsersView(DetailErrors, APIView):
    """`GET .../enterprise-customer-support/{uuid}`."""

    throttle_classes = [UserThrottle]
    pagination_class = SupportUserPagination

    @extend_schema(parameters=PARAMETERS, responses=SupportUserSerializer(many=True))
    def get(self, request: Request, enterprise_uuid: str) -> Response:
        """Learners, unlinked ones too, and pending learners; admins first. For staff, admins and who provisions."""
        if not (request.user.is_staff or access(request).has(PROVISIONS_CUSTOMERS, enterprise_uuid)):
            ensure(request, CAN_ACCESS_ADMIN_DASHBOARD, context=enterprise_uuid)
        customer_id = parsed_uuid(enterprise_uuid)
        if customer_id is None:
            raise NotFound(UNKNOWN.format(enterprise_uuid))
        query = request.query_params
        rows, number = support_users(customer_id, query.get("user_query", ""), query.get("ordering", ""))
        paginator = self.pagination_class()
        page = [Known._make(row) for row in paginator.paginate_queryset(rows, request, self, count_queryset=number)]
        known = accounts(customer_id, [row.user_id for row in page if not row.is_pending])
        shown = [row for row in page if row.is_pending or row.user_id in known]
        return paginator.get_paginated_response([support_user_body(row, known.get(row.user_id)) for row in shown])
