"""What a reporting configuration can be made of (contract: enterprise-customers 4.8)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from enterprise.models import EnterpriseCustomer
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, path, requires
from enterprise.queries.customers import parsed_uuid
from enterprise.serializers.report_types import ReportTypesSerializer, report_types_body

NO_SUCH_CUSTOMER = "Could not find the enterprise customer."


class ReportTypesView(DetailErrors, APIView):
    """`GET .../enterprise_report_types/{enterprise_uuid}`, for inactive customers too."""

    @extend_schema(responses=ReportTypesSerializer)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=path("enterprise_uuid"))
    def get(self, request: Request, enterprise_uuid: str) -> Response:
        uuid = parsed_uuid(enterprise_uuid)
        customer = EnterpriseCustomer.all_objects.filter(pk=uuid).first() if uuid else None
        if customer is None:
            raise NotFound(NO_SUCH_CUSTOMER)
        return Response(report_types_body(customer.slug))
