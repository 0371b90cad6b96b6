"""Storing catalogs and the queries they share (contract: enterprise-customers 2)."""

from __future__ import annotations

import copy
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from config.api.exceptions import Refusal
from config.db.history import acting_account_id
from config.db.sets import record_history
from enterprise.models import EnterpriseCatalogQuery, EnterpriseCustomer, EnterpriseCustomerCatalog
from enterprise.queries.catalogs import catalog_of_query, parsed_uuid
from enterprise.queries.content import effective_filter
from enterprise.services import content

NO_SUCH_CATALOG = "Could not find catalog uuid {}"
EXCLUSION = {"course_type__exclude": "executive-education-2u"}
DECIDES_ABOUT_TYPES = {"course_type", "course_type__exclude", "aggregation_key"}


def save_catalog(catalog: EnterpriseCustomerCatalog) -> None:
    """Stores a catalog. Its filter is that of its query, if it has one.

    A new catalog with neither gets the default one (setting ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER).
    """
    if catalog.enterprise_catalog_query is not None:
        catalog.content_filter = catalog.enterprise_catalog_query.content_filter
    elif catalog._state.adding and not catalog.content_filter:
        catalog.content_filter = copy.deepcopy(settings.ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER)
    catalog.save()
    content.prepare(effective_filter(catalog))


@transaction.atomic
def save_query(query: EnterpriseCatalogQuery) -> None:
    """Stores a query, and its filter in every catalog that uses it, with history; a fixed number of statements."""
    query.save()
    _give_filter(query, query)


@transaction.atomic
def create_or_existing(
    customer: EnterpriseCustomer, query: EnterpriseCatalogQuery | None, title: str
) -> tuple[EnterpriseCustomerCatalog, bool]:
    """A catalog of the customer with this query, and whether it is new.

    With a query a customer gets one catalog, however often and however many at a time ask; without one each call makes
    another. Contract: enterprise-customers 4.4, POST.
    """
    # The customer's row is the mutex of those who would make the same catalog.
    EnterpriseCustomer.all_objects.select_for_update(no_key=True).filter(pk=customer.pk).first()
    existing = catalog_of_query(customer, query)
    if existing is not None:
        return existing, False
    catalog = EnterpriseCustomerCatalog(title=title, enterprise_customer=customer, enterprise_catalog_query=query)
    save_catalog(catalog)
    return catalog, True


def catalog_to_change(uuid: object) -> EnterpriseCustomerCatalog:
    """The catalog that a request wants to change.

    Raises:
        Refusal: 404, there is none with this uuid, or the value is no uuid.
    """
    key = parsed_uuid(uuid) if isinstance(uuid, str | UUID) else None
    catalog = EnterpriseCustomerCatalog.objects.filter(pk=key).first() if key else None
    if catalog is None:
        raise Refusal(NO_SUCH_CATALOG.format(uuid), status=404)
    return catalog


@transaction.atomic
def update_catalog(catalog: EnterpriseCustomerCatalog, changes: dict[str, Any]) -> EnterpriseCustomerCatalog:
    """Stores new values of fields; the filter is copied anew from the query, if there is one.

    Raises:
        Refusal: 404, the catalog has gone meanwhile.
    """
    locked = EnterpriseCustomerCatalog.objects.select_for_update(no_key=True).filter(pk=catalog.pk).first()
    if locked is None:
        raise Refusal(NO_SUCH_CATALOG.format(catalog.pk), status=404)
    for name, value in changes.items():
        setattr(locked, name, value)
    save_catalog(locked)
    return locked


@transaction.atomic
def move_catalogs(old: EnterpriseCatalogQuery, new: EnterpriseCatalogQuery) -> int:
    """Gives the catalogs of one query another one, with its filter and with history, and says how many they are.

    A fixed number of statements. Contract: enterprise-customers 6, `bulk_update_catalog_query_id`.
    """
    return _give_filter(old, new)


def exclude_executive_education(query: EnterpriseCatalogQuery) -> bool:
    """Has a query leave out executive education, unless its filter says something about it or chooses content by key.

    Returns:
        Whether the filter was changed. Contract: enterprise-customers 6.
    """
    if not lacks_word_on_executive_education(query):
        return False
    query.content_filter = {**(query.content_filter or {}), **EXCLUSION}
    save_query(query)
    return True


def lacks_word_on_executive_education(query: EnterpriseCatalogQuery) -> bool:
    """Whether a query's filter says nothing about course types, and the query does not ask for executive education."""
    return not query.include_exec_ed_2u_courses and not DECIDES_ABOUT_TYPES & set(query.content_filter or {})


def _give_filter(query: EnterpriseCatalogQuery, new: EnterpriseCatalogQuery) -> int:
    """The catalogs of `query` become those of `new`, which may be the same, and get its filter."""
    catalogs = EnterpriseCustomerCatalog.objects.filter(enterprise_catalog_query=query)
    ids = list(catalogs.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    if ids:
        EnterpriseCustomerCatalog.objects.filter(pk__in_set=ids).update(
            enterprise_catalog_query=new, content_filter=new.content_filter, modified=timezone.now()
        )
        record_history(EnterpriseCustomerCatalog, ids, "~", user_id=acting_account_id())
        content.prepare(new.content_filter)
    return len(ids)
