"""Catalog queries, catalogs, and the courses that learners are enrolled in by default."""

from __future__ import annotations

from django.conf import settings

from config.world import ROW_ID, Entry, Load, Reference, Refused, Section, Table, columns
from enterprise.models import DefaultEnterpriseEnrollmentIntention, EnterpriseCatalogQuery, EnterpriseCustomerCatalog
from enterprise.services import default_intentions
from enterprise.services.catalogs import save_catalog, save_query
from enterprise.world.lookups import CATALOG_QUERY, CUSTOMER

# --- catalog_queries ----------------------------------------------------------------------------------------------

_QUERY_TABLE = Table(model=EnterpriseCatalogQuery, key=("id",), save=save_query)


def _load_queries(load: Load, entries: list[Entry]) -> None:
    stored = CATALOG_QUERY.fetch(
        {value for entry in entries for name in ("id", "title") if (value := entry.given.get(name)) is not None}
    )
    for entry in entries:
        number, title = entry.given.get("id"), entry.given.get("title")
        if number is None and title is None:
            load.note(Refused(entry.place, "A catalog query needs an id or a title."))
        entry.values["id"] = stored.get(number) or stored.get(title)
    _QUERY_TABLE.store(load, entries)
    # Catalogs may name a query by the id of the file, even where another row had that id.
    load.found[CATALOG_QUERY].update((entry.given["id"], entry.row.pk) for entry in entries if "id" in entry.given)


CATALOG_QUERIES = Section(
    name="catalog_queries",
    optional_key=("id", "title"),
    fields={
        "id": ROW_ID,
        **columns(
            EnterpriseCatalogQuery,
            "uuid",
            "title",
            "content_filter",
            "include_exec_ed_2u_courses",
            "created",
            "modified",
        ),
    },
    load=_load_queries,
)

# --- catalogs -----------------------------------------------------------------------------------------------------

_CATALOG_TABLE = Table(model=EnterpriseCustomerCatalog, key=("uuid",), save=save_catalog)


def _load_catalogs(load: Load, entries: list[Entry]) -> None:
    rows = EnterpriseCustomerCatalog.objects.filter(pk__in_set=[entry.values["uuid"] for entry in entries])
    queries = dict(rows.values_list("pk", "enterprise_catalog_query_id"))
    for entry in entries:
        stored = queries.get(entry.values["uuid"])
        if entry.values.get("enterprise_catalog_query_id", stored) is not None:
            entry.values.pop("content_filter", None)  # the query's own is what counts
        elif not entry.values.get("content_filter", True):
            entry.values["content_filter"] = settings.ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER
    _CATALOG_TABLE.store(load, entries)


CATALOGS = Section(
    name="catalogs",
    key=("uuid",),
    fields={
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        "catalog_query": Reference(CATALOG_QUERY, "enterprise_catalog_query_id", null=True),
        **columns(
            EnterpriseCustomerCatalog,
            "uuid",
            "title",
            "content_filter",
            "enabled_course_modes",
            "publish_audit_enrollment_urls",
            "created",
            "modified",
        ),
    },
    load=_load_catalogs,
)

# --- default_intentions -------------------------------------------------------------------------------------------

_INTENTION_TABLE = Table(model=DefaultEnterpriseEnrollmentIntention, key=("uuid",), save=default_intentions.save)

DEFAULT_INTENTIONS = Section(
    name="default_intentions",
    key=("uuid",),
    fields={
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        **columns(DefaultEnterpriseEnrollmentIntention, "uuid", "content_key", "is_removed", "created", "modified"),
    },
    load=_INTENTION_TABLE.store,
)
