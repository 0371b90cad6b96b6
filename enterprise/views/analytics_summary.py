"""The learning figures of a customer in words (contract: enterprise-customers 4.12)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from enterprise.models import EnterpriseCustomer
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, path, requires
from enterprise.queries.customers import one_of
from enterprise.serializers.analytics_summary import (
    AnalyticsSummaryErrorsSerializer,
    AnalyticsSummaryRequestSerializer,
    AnalyticsSummarySerializer,
)
from enterprise.services import analytics_summary


class AnalyticsSummaryView(DetailErrors, APIView):
    """`POST .../analytics-summary/{enterprise_uuid}`; customers that are not active are found too."""

    @extend_schema(
        request=AnalyticsSummaryRequestSerializer,
        responses={
            200: AnalyticsSummarySerializer,
            400: AnalyticsSummaryErrorsSerializer,
            502: OpenApiResponse(description="The remote summariser failed; nothing is kept."),
        },
    )
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=path("enterprise_uuid"))
    def post(self, request: Request, enterprise_uuid: str) -> Response:
        customer = one_of(EnterpriseCustomer.all_objects.all(), enterprise_uuid)
        figures = AnalyticsSummaryRequestSerializer(data=request.data)
        if not figures.is_valid():
            raise Refusal("The figures are not complete.", body={"errors": figures.errors})
        return Response(analytics_summary.summarise(customer, figures.validated_data))
