"""Which catalogs a caller sees, and their rows as lists show them (contract: enterprise-customers 4.3 to 4.5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BigIntegerField, Exists, OuterRef, QuerySet, UUIDField
from django_filters import ModelChoiceFilter
from django_filters.rest_framework import FilterSet
from rest_framework.exceptions import NotFound

from config.api.filters import asks_for_some, narrowed
from config.db.reads import Given, KeptCount, KeptInstances, KeptList, KeptPage, KeyedStatement, WireTime
from enterprise.models import (
    EnterpriseCatalogQuery,
    EnterpriseCustomer,
    EnterpriseCustomerCatalog,
    EnterpriseCustomerUser,
)
from enterprise.queries.customers import parsed_uuid

NO_SUCH_CATALOG = "No EnterpriseCustomerCatalog matches the given query."
CATALOG_FIELDS = ("uuid", "title", "enterprise_customer", "enterprise_catalog_query", "created", "modified")


class CatalogFilter(FilterSet):
    """What narrows catalogs, in lists and in look-ups alike."""

    enterprise_customer = ModelChoiceFilter(queryset=EnterpriseCustomer.all_objects.all())

    class Meta:
        model = EnterpriseCustomerCatalog
        fields = CATALOG_FIELDS


class CatalogRow(NamedTuple):
    """A catalog as lists show it; moments as answers write them."""

    uuid: UUID
    title: str
    enterprise_customer: UUID
    enterprise_catalog_query: int | None
    created: str
    modified: str


_UUID, _USER_ID = Given("uuid", UUIDField()), Given("user_id", BigIntegerField())


def visible_catalogs(request: Any) -> QuerySet[EnterpriseCustomerCatalog]:
    """All catalogs for staff; for others those of the customers that they are linked to."""
    return _every_catalog() if request.user.is_staff else _own_catalogs(request.user.pk)


def _every_catalog() -> QuerySet[EnterpriseCustomerCatalog]:
    return EnterpriseCustomerCatalog.objects.order_by("created", "pk")


def _own_catalogs(user_id: Any) -> QuerySet[EnterpriseCustomerCatalog]:
    links = EnterpriseCustomerUser.objects.filter(user_id=user_id, enterprise_customer=OuterRef("enterprise_customer"))
    return _every_catalog().filter(Exists(links.order_by()))


def catalogs_page(request: Any) -> tuple[Any, Any]:
    """Tuples of `CatalogRow` for a paginator, and what it counts: what the caller sees and the query asks for.

    Raises:
        ValidationError: a filter has a value that it cannot have.
    """
    if not asks_for_some(request, CatalogFilter):
        page, number = _every_page if request.user.is_staff else _own_page
        rows = KeptList(page, number, user_id=request.user.pk)
        return rows, rows
    catalogs = narrowed(visible_catalogs(request), request, CatalogFilter, CATALOG_FIELDS)
    return _shown(catalogs), catalogs.order_by()


def _shown(catalogs: QuerySet[EnterpriseCustomerCatalog]) -> QuerySet[EnterpriseCustomerCatalog, Any]:
    return catalogs.values_list(
        "uuid",
        "title",
        "enterprise_customer_id",
        "enterprise_catalog_query_id",
        WireTime("created"),
        WireTime("modified"),
    )


def _kept(catalogs: Callable[[], QuerySet[Any]]) -> tuple[KeptPage, KeptCount]:
    return KeptPage(lambda: _shown(catalogs())), KeptCount(lambda: catalogs().values_list("pk"))


_every_page, _own_page = _kept(_every_catalog), _kept(lambda: _own_catalogs(_USER_ID))


# What the read side shows beside the catalog itself; a customer has some sixty columns more.
_AROUND = {"enterprise_customer": ["name"], "enterprise_catalog_query": ["content_filter"]}


def visible_catalog(request: Any, uuid: object) -> EnterpriseCustomerCatalog:
    """The visible catalog that a path names and that the query's filters let pass, with its query and customer.

    Raises:
        ValidationError: a filter has a value that it cannot have.
        NotFound: `Not found.` for a text that is no uuid, else `No EnterpriseCustomerCatalog matches the given query.`
    """
    is_narrowed = asks_for_some(request, CatalogFilter)
    passing = narrowed(visible_catalogs(request), request, CatalogFilter) if is_narrowed else None
    key = parsed_uuid(uuid)
    if key is None:
        raise NotFound
    one = _one_catalog if request.user.is_staff else _one_own_catalog
    found = one(uuid=key, user_id=request.user.pk)
    if not found or (passing is not None and not passing.filter(pk=key).exists()):
        raise NotFound(NO_SUCH_CATALOG)
    catalog: EnterpriseCustomerCatalog = found[0]
    return catalog


_one_catalog = KeptInstances(lambda: _every_catalog().filter(pk=_UUID).order_by(), _AROUND)
_one_own_catalog = KeptInstances(lambda: _own_catalogs(_USER_ID).filter(pk=_UUID).order_by(), _AROUND)


def customer_of(uuid: object) -> UUID | None:
    """The uuid of the customer of a catalog; None when there is no such catalog, or the text is no uuid."""
    key = parsed_uuid(uuid)
    if key is None:
        return None
    return next((customer_id for (customer_id,) in _customer_rows([key])), None)


_customer_rows = KeyedStatement(
    lambda uuids: (
        EnterpriseCustomerCatalog.objects.filter(pk__in_set=uuids).order_by().values_list("enterprise_customer_id")
    )
)


def catalog_queries() -> QuerySet[EnterpriseCatalogQuery]:
    """All catalog queries, the oldest first."""
    return EnterpriseCatalogQuery.objects.order_by("created", "pk")


def catalog_query_of(number: int) -> EnterpriseCatalogQuery | None:
    """The catalog query with this id."""
    return EnterpriseCatalogQuery.objects.filter(pk=number).first()


def any_customer(uuid: UUID) -> EnterpriseCustomer | None:
    """The customer with this uuid, active or not."""
    return EnterpriseCustomer.all_objects.filter(pk=uuid).first()


def catalog_of_query(
    customer: EnterpriseCustomer, query: EnterpriseCatalogQuery | None
) -> EnterpriseCustomerCatalog | None:
    """The customer's oldest catalog with a query; None without a query."""
    if query is None:
        return None
    catalogs = EnterpriseCustomerCatalog.objects.filter(enterprise_customer=customer, enterprise_catalog_query=query)
    return catalogs.order_by("created", "pk").first()


def twin_of(query: EnterpriseCatalogQuery, content_filter: Any) -> EnterpriseCatalogQuery | None:
    """The oldest other catalog query whose filter equals the one that a stored query is to get; one statement.

    The order of members does not matter. A filter that is the query's own already has no twin.
    Contract: enterprise-customers 2, EnterpriseCatalogQuery.
    """
    wanted = _canonical(content_filter)
    if wanted == _canonical(query.content_filter):
        return None
    others = EnterpriseCatalogQuery.objects.exclude(pk=query.pk).order_by("pk").only("uuid", "title", "content_filter")
    return next((other for other in others.iterator() if _canonical(other.content_filter) == wanted), None)


def _canonical(content_filter: Any) -> str:
    return json.dumps(content_filter, sort_keys=True)
