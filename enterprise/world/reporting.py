"""Reporting configurations with their catalogs."""

from __future__ import annotations

from config.world import ROW_ID, Entry, Load, Reference, References, Refused, Section, Table, columns, replace_links
from enterprise.models import EnterpriseCustomerCatalog, EnterpriseCustomerReportingConfiguration
from enterprise.world.lookups import CATALOG, CUSTOMER

_TABLE = Table(model=EnterpriseCustomerReportingConfiguration, key=("uuid",))
_PLAIN = [
    field.name
    for field in EnterpriseCustomerReportingConfiguration._meta.concrete_fields
    if not field.is_relation and not field.primary_key
]


def _load_reporting(load: Load, entries: list[Entry]) -> None:
    _TABLE.store(load, entries)
    lists = {entry.row.pk: entry.given["catalogs"] for entry in entries if "catalogs" in entry.given}
    rows = EnterpriseCustomerCatalog.objects.filter(pk__in_set=[uuid for own in lists.values() for uuid in own])
    owners = dict(rows.order_by().values_list("pk", "enterprise_customer_id"))
    for entry in entries:
        for index, uuid in enumerate(lists.get(entry.row.pk, ())):
            if owners[uuid] != entry.row.enterprise_customer_id:
                place = entry.place.field("catalogs").item(index)
                load.note(Refused(place, "This catalog belongs to another customer."))
    load.stop_if_refused()
    through = EnterpriseCustomerReportingConfiguration.enterprise_customer_catalogs.through
    changed = replace_links(
        lists, through, "enterprisecustomerreportingconfiguration_id", "enterprisecustomercatalog_id"
    )
    for entry in entries:
        entry.changed |= entry.row.pk in changed


REPORTING = Section(
    name="reporting",
    key=("uuid",),
    fields={
        "id": ROW_ID,
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        **columns(EnterpriseCustomerReportingConfiguration, *_PLAIN),
        "catalogs": References(CATALOG),
    },
    load=_load_reporting,
)
