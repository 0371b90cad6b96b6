"""`{uuid}/admins`: admins and invited admins of a customer (contract: enterprise-admins-groups-sso, Admin members)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import ORDERING
from config.api.pagination import PlainPagination
from config.api.throttles import UserThrottle
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, path, requires
from enterprise.queries.admin_members import ORDERING_FIELDS, AdminMember, admin_members
from enterprise.queries.customers import parsed_uuid
from enterprise.serializers.people import AdminMemberSerializer, admin_member_body

PARAMETERS = [
    OpenApiParameter("user_query", str, description="Part of the name or address."),
    OpenApiParameter(ORDERING, str, description=f"Comma list, `-` turns one round: {', '.join(ORDERING_FIELDS)}."),
]


class AdminMembersView(DetailErrors, APIView):
    """`GET .../{uuid}/admins`."""

    throttle_classes = [UserThrottle]
    pagination_class = PlainPagination

    @extend_schema(parameters=PARAMETERS, responses=AdminMemberSerializer(many=True))
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=path("enterprise_uuid"))
    def get(self, request: Request, enterprise_uuid: str) -> Response:
        """Admins and invited admins in one list, by name and address."""
        customer_id = parsed_uuid(enterprise_uuid)
        if customer_id is None:
            raise NotFound
        text = request.query_params.get("user_query", "").strip()
        rows = admin_members(customer_id, text, ",".join(request.query_params.getlist(ORDERING)))
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, self)
        return paginator.get_paginated_response([admin_member_body(AdminMember._make(row)) for row in page])
