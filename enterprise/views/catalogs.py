"""The read side of catalogs (contract: enterprise-customers 4.5)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import narrowed, query_parameters
from config.api.pagination import DefaultPagination
from config.api.renderers import JSONRenderer, XMLRenderer
from config.api.throttles import UserThrottle
from enterprise.permissions import CAN_VIEW_CATALOG, requires
from enterprise.queries.catalogs import (
    CATALOG_FIELDS,
    CatalogFilter,
    CatalogRow,
    catalog_rows,
    customer_of,
    visible_catalogs,
)
from enterprise.serializers.catalogs import CatalogSerializer

PARAMETERS = query_parameters(CatalogFilter, CATALOG_FIELDS)


def catalogs_customer(view: APIView, request: Request) -> Any:
    """The customer of the catalog that the path names, as the context of a permission; of an unknown one nothing."""
    return customer_of(view.kwargs["uuid"])


class CatalogViewBase(DetailErrors, APIView):
    """What the actions of the read side share."""

    throttle_classes = [UserThrottle]
    renderer_classes = [JSONRenderer, XMLRenderer]


class CatalogListView(CatalogViewBase):
    """`GET .../enterprise_catalogs/`."""

    pagination_class = DefaultPagination

    @extend_schema(parameters=PARAMETERS, responses=CatalogSerializer(many=True))
    @requires(CAN_VIEW_CATALOG)
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        catalogs = narrowed(visible_catalogs(request), request, CatalogFilter, CATALOG_FIELDS)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(catalog_rows(catalogs), request, self, count_queryset=catalogs.order_by())
        return paginator.get_paginated_response([CatalogRow._make(row)._asdict() for row in page])
