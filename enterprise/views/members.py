"""`enterprise-customer-members`: who learns with a customer (contract: enterprise-admins-groups-sso, Members)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import NumPagesPagination
from config.api.throttles import UserThrottle
from enterprise.models import MemberOrder
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, ensure
from enterprise.queries import members as queries
from enterprise.queries.customers import parsed_uuid
from enterprise.serializers.people import MemberQuerySerializer, MemberSerializer, member_body


class MembersView(DetailErrors, APIView):
    """`GET .../enterprise-customer-members/{uuid}`."""

    throttle_classes = [UserThrottle]
    pagination_class = NumPagesPagination

    @extend_schema(parameters=[MemberQuerySerializer], responses=MemberSerializer(many=True))
    def get(self, request: Request, enterprise_uuid: str) -> Response:
        """Members by name: linked, active learners with the learner role. For staff and who sees the dashboard."""
        if not request.user.is_staff:
            ensure(request, CAN_ACCESS_ADMIN_DASHBOARD, context=enterprise_uuid)
        asked = {"is_reversed": False}
        if not request.query_params.keys() <= {"page", "page_size"}:
            sent = MemberQuerySerializer(data=request.query_params)
            sent.is_valid(raise_exception=True)
            asked = sent.validated_data
        paginator = self.pagination_class()
        rows, number = self.wanted(enterprise_uuid, asked)
        page = paginator.paginate_queryset(rows, request, self, count_queryset=number)
        members = queries.members([pk for (pk,) in page])
        return paginator.get_paginated_response([member_body(member) for member in members])

    def wanted(self, enterprise_uuid: str, asked: dict[str, Any]) -> tuple[Any, Any]:
        """Ids of links, in tuples, and what to count; none for a customer that does not exist."""
        customer_id = parsed_uuid(enterprise_uuid)
        if customer_id is None:
            return [], []
        text, user_id, by = asked.get("user_query", ""), asked.get("user_id"), asked.get("sort_by")
        backwards = bool(by) and asked["is_reversed"]
        if not text and user_id is None and by != MemberOrder.JOINED_ORG:
            return queries.everybody(customer_id, backwards=backwards)
        return queries.found(customer_id, text=text, user_id=user_id, by=by or MemberOrder.NAME, backwards=backwards)
