"""Storing catalogs and the queries they share (contract: enterprise-customers 2)."""

from __future__ import annotations

import copy

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import record_history
from enterprise.models import EnterpriseCatalogQuery, EnterpriseCustomerCatalog


def save_catalog(catalog: EnterpriseCustomerCatalog) -> None:
    """Stores a catalog. Its filter is that of its query, if it has one.

    A new catalog with neither gets the default one (setting ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER).
    """
    if catalog.enterprise_catalog_query is not None:
        catalog.content_filter = catalog.enterprise_catalog_query.content_filter
    elif catalog._state.adding and not catalog.content_filter:
        catalog.content_filter = copy.deepcopy(settings.ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER)
    catalog.save()


@transaction.atomic
def save_query(query: EnterpriseCatalogQuery) -> None:
    """Stores a query, and its filter in every catalog that uses it, with history; a fixed number of statements."""
    query.save()
    ids = list(query.catalogs.order_by("pk").values_list("pk", flat=True))
    if ids:
        EnterpriseCustomerCatalog.objects.filter(pk__in_set=ids).update(
            content_filter=query.content_filter, modified=timezone.now()
        )
        record_history(EnterpriseCustomerCatalog, ids, "~", user_id=acting_account_id())
