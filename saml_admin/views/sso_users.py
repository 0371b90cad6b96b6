"""`enterprise-sso-user-info`: what a customer's identity provider says of a person (contract: ...-groups-sso, SSO)."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, ensure
from saml_admin.queries.sso_users import customer_of_organization, user_details
from saml_admin.serializers.sso_configurations import SsoUserQuerySerializer

NO_CUSTOMER = "Enterprise customer not found for org_id: {}"
NOBODY = "Enterprise SSO user details not found"


class SsoUserDetailsView(DetailErrors, APIView):
    """`GET .../enterprise-sso-user-info/user_details/`."""

    @extend_schema(parameters=[SsoUserQuerySerializer], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """For staff, and who sees the dashboard of the customer with the organisation id."""
        asked = SsoUserQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        org_id = asked.validated_data["org_id"]
        if not request.user.is_staff:
            ensure(request, CAN_ACCESS_ADMIN_DASHBOARD)
        customer = customer_of_organization(org_id)
        if customer is None:
            return Response({"error": NO_CUSTOMER.format(org_id)}, status=404)
        if not request.user.is_staff:
            ensure(request, CAN_ACCESS_ADMIN_DASHBOARD, context=str(customer.pk))
        details = user_details(customer, asked.validated_data["external_user_id"])
        return Response(details) if details else Response({"error": NOBODY}, status=404)
