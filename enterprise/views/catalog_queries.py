"""The queries that catalogs share, for staff to read (contract: enterprise-customers 4.3)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import ExpandedPagination
from config.api.permissions import IsStaff
from config.api.throttles import UserThrottle
from enterprise.queries.catalogs import catalog_queries, catalog_query_of
from enterprise.serializers.catalogs import LONGEST_ID, CatalogQuerySerializer

NO_SUCH_QUERY = "No EnterpriseCatalogQuery matches the given query."


class CatalogQueryListView(DetailErrors, APIView):
    """`GET .../enterprise_catalog_query/`: a hundred a page, the oldest first."""

    permission_classes = [IsStaff]
    throttle_classes = [UserThrottle]
    pagination_class = ExpandedPagination

    @extend_schema(responses=CatalogQuerySerializer(many=True))
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(catalog_queries(), request, self)
        return paginator.get_paginated_response(CatalogQuerySerializer(page, many=True).data)


class CatalogQueryView(DetailErrors, APIView):
    """`GET .../enterprise_catalog_query/{id}/`."""

    permission_classes = [IsStaff]
    throttle_classes = [UserThrottle]

    @extend_schema(responses=CatalogQuerySerializer)
    def get(self, request: Request, id: str, format: str | None = None) -> Response:  # noqa: A002
        if not (id.isascii() and id.isdigit() and len(id) <= LONGEST_ID):
            raise NotFound
        query = catalog_query_of(int(id))
        if query is None:
            raise NotFound(NO_SUCH_QUERY)
        return Response(CatalogQuerySerializer(query).data)
