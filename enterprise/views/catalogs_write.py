"""The write side of catalogs, for staff (contract: enterprise-customers 4.4).

Everything under the prefix comes here; whatever stands behind it in the path is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.permissions import IsStaff
from config.api.throttles import UserThrottle
from enterprise.queries.catalogs import any_customer, catalog_of_query, catalog_query_of
from enterprise.serializers.catalogs import (
    CatalogChangeSerializer,
    CatalogKeysSerializer,
    CatalogRequestSerializer,
    StoredCatalogSerializer,
)
from enterprise.services import catalogs


class CatalogWriteView(DetailErrors, APIView):
    """`POST`, `PATCH .../enterprise_customer_catalog/`."""

    permission_classes = [IsStaff]
    throttle_classes = [UserThrottle]

    @extend_schema(
        request=CatalogRequestSerializer,
        responses={
            200: OpenApiResponse(StoredCatalogSerializer, description="The customer has a catalog with this query."),
            201: StoredCatalogSerializer,
        },
    )
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        finders = _finders()
        keys = CatalogKeysSerializer(data=request.data, context=finders)
        if keys.is_valid():  # of a catalog that is there already nothing else is looked at
            existing = catalog_of_query(*_named(keys.validated_data))
            if existing is not None:
                return Response(StoredCatalogSerializer(existing).data)
        given = CatalogRequestSerializer(data=request.data, context=finders)
        given.is_valid(raise_exception=True)
        catalog, is_new = catalogs.create_or_existing(*_named(given.validated_data), given.validated_data["title"])
        return Response(StoredCatalogSerializer(catalog).data, status=201 if is_new else 200)

    @extend_schema(request=CatalogChangeSerializer, responses=StoredCatalogSerializer)
    def patch(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        body = request.data if isinstance(request.data, Mapping) else {}
        catalog = catalogs.catalog_to_change(body.get("uuid"))
        given = CatalogRequestSerializer(data=body, partial=True, context=_finders())
        given.is_valid(raise_exception=True)
        return Response(StoredCatalogSerializer(catalogs.update_catalog(catalog, given.validated_data)).data)


def _finders() -> dict[str, Any]:
    """How the body's keys are looked up; each row once, however often its key is read."""
    return {"enterprise_customer": cache(any_customer), "enterprise_catalog_query": cache(catalog_query_of)}


def _named(given: dict[str, Any]) -> tuple[Any, Any]:
    return given["enterprise_customer"], given.get("enterprise_catalog_query")
