"""Requests for coupon codes (contract: enterprise-customers 4.10)."""

from __future__ import annotations

from collections.abc import Mapping

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.throttles import UserThrottle
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, requires
from enterprise.serializers.coupon_codes import MissingParametersSerializer, RequestCodesSerializer
from enterprise.services import coupon_codes

REQUIRED = ("email", "enterprise_name")
MISSING = "Some required parameter(s) missing: {}"


class RequestCodesView(DetailErrors, APIView):
    """`POST .../request_codes`: parameters of the body, else of the query."""

    throttle_classes = [UserThrottle]

    @extend_schema(
        request=RequestCodesSerializer,
        responses={200: RequestCodesSerializer, 400: MissingParametersSerializer},
    )
    @requires(CAN_ACCESS_ADMIN_DASHBOARD)
    def post(self, request: Request) -> Response:
        body = request.data if isinstance(request.data, Mapping) else {}
        # A plain dict: what a form leaves empty is empty, not absent.
        sent = RequestCodesSerializer(data={**request.query_params.dict(), **dict(body.items())})
        sent.is_valid(raise_exception=True)
        asked = sent.validated_data
        if missing := [name for name in REQUIRED if not asked[name]]:
            raise Refusal("", body={"error": MISSING.format(", ".join(missing))})
        coupon_codes.request(asked)
        return Response(asked)
