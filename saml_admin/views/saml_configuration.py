"""`/auth/saml/v0/saml_configuration/`: configurations that everybody may see, read-only."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import DefaultPagination
from saml_admin.queries.providers import public_configurations
from saml_admin.serializers.providers import SAMLConfigurationSerializer


class SAMLConfigurationListView(DetailErrors, APIView):
    """`GET .../saml_configuration/`."""

    pagination_class = DefaultPagination

    @extend_schema(responses=SAMLConfigurationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Current public configurations."""
        paginator = self.pagination_class()
        return paginator.get_paginated_response(
            list(paginator.paginate_queryset(public_configurations(), request, self))
        )
