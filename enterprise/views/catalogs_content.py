"""Whether one catalog holds given content (contract: enterprise-customers 4.5, contains_content_items)."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from enterprise.queries.catalogs import visible_catalog
from enterprise.queries.content import effective_filter
from enterprise.views.catalogs import CatalogViewBase
from enterprise.views.customers_content import answer, asks_for_content, schema


class CatalogContainsContentItemsView(CatalogViewBase):
    """`GET .../enterprise_catalogs/{uuid}/contains_content_items/`: row scope only, no role."""

    @schema
    @asks_for_content
    def get(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        return answer(request, [effective_filter(visible_catalog(request, uuid))])
