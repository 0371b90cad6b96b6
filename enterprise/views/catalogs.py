"""The read side of catalogs (contract: enterprise-customers 4.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import query_parameters
from config.api.pagination import DefaultPagination, SearchPagination
from config.api.renderers import JSONRenderer, XMLRenderer
from config.api.throttles import UserThrottle
from enterprise.content.addresses import Addresses
from enterprise.models import EnterpriseCustomerCatalog
from enterprise.permissions import CAN_VIEW_CATALOG, requires
from enterprise.queries import content, content_details
from enterprise.queries.catalogs import (
    CATALOG_FIELDS,
    CatalogFilter,
    CatalogRow,
    catalogs_page,
    customer_of,
    visible_catalog,
)
from enterprise.queries.customers import parsed_uuid
from enterprise.serializers.catalog_content import results
from enterprise.serializers.catalogs import CatalogDetailSerializer, CatalogSerializer, catalog_body
from enterprise.serializers.content_details import course_object, program_object, run_object

FILTERS = query_parameters(CatalogFilter)
PAGE = [
    OpenApiParameter("page", int),
    OpenApiParameter("page_size", int, description="Up to 100; 20 without it."),
    OpenApiParameter("ordering", str, description="Of the content: a comma list, `-` turns one round."),
]


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

    @extend_schema(parameters=query_parameters(CatalogFilter, CATALOG_FIELDS), responses=CatalogSerializer(many=True))
    @requires(CAN_VIEW_CATALOG)
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        paginator = self.pagination_class()
        rows, countable = catalogs_page(request)
        page = paginator.paginate_queryset(rows, request, self, count_queryset=countable)
        return paginator.get_paginated_response([CatalogRow._make(row)._asdict() for row in page])


class CatalogView(CatalogViewBase):
    """`GET .../enterprise_catalogs/{uuid}/`: a catalog with a page of its content."""

    @extend_schema(parameters=[*FILTERS, *PAGE], responses=CatalogDetailSerializer)
    @requires(CAN_VIEW_CATALOG, context=catalogs_customer)
    def get(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        catalog = visible_catalog(request, uuid)
        ordering = request.query_params.get("ordering")

        def search(page: int, size: int) -> tuple[int, list[Any]]:
            found = content.search(catalog, page=page, page_size=size, ordering=ordering, exclude_expired=True)
            return found.count, found.documents

        paginator = SearchPagination()
        documents = paginator.paginate_search(search, request)
        page = paginator.get_paginated_response(results(documents, Addresses.of(catalog))).data
        return Response({**catalog_body(catalog), **page})


class CatalogCourseView(CatalogViewBase):
    """`GET .../enterprise_catalogs/{uuid}/courses/{course_key}/`: a course that the catalog holds."""

    @extend_schema(parameters=FILTERS, responses=OpenApiTypes.OBJECT)
    @requires(CAN_VIEW_CATALOG, context=catalogs_customer)
    def get(self, request: Request, uuid: str, course_key: str, format: str | None = None) -> Response:  # noqa: A002
        return _shown(visible_catalog(request, uuid), content_details.course_in, course_key, course_object)


class CatalogCourseRunView(CatalogViewBase):
    """`GET .../enterprise_catalogs/{uuid}/course_runs/{course_id}/`: a course run that the catalog holds."""

    @extend_schema(parameters=FILTERS, responses=OpenApiTypes.OBJECT)
    @requires(CAN_VIEW_CATALOG, context=catalogs_customer)
    def get(self, request: Request, uuid: str, course_id: str, format: str | None = None) -> Response:  # noqa: A002
        return _shown(visible_catalog(request, uuid), content_details.run_in, course_id, run_object)


class CatalogProgramView(CatalogViewBase):
    """`GET .../enterprise_catalogs/{uuid}/programs/{program_uuid}/`: a program that the catalog holds."""

    @extend_schema(parameters=FILTERS, responses=OpenApiTypes.OBJECT)
    @requires(CAN_VIEW_CATALOG, context=catalogs_customer)
    def get(self, request: Request, uuid: str, program_uuid: str, format: str | None = None) -> Response:  # noqa: A002
        catalog, key = visible_catalog(request, uuid), parsed_uuid(program_uuid)
        if key is None:
            raise NotFound
        return _shown(catalog, content_details.program_in, key, program_object)


def _shown(
    catalog: EnterpriseCustomerCatalog,
    find: Callable[[EnterpriseCustomerCatalog, Any], Any],
    key: Any,
    show: Callable[[Any, Addresses], dict[str, Any]],
) -> Response:
    """The detail object of a piece of content that the catalog holds.

    Raises:
        NotFound: the catalog does not hold it.
    """
    details = find(catalog, key)
    if details is None:
        raise NotFound
    return Response(show(details, Addresses.of(catalog)))
