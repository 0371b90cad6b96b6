"""Sign-on configurations of customers; the lock of pending ones is not asked here."""

from __future__ import annotations

from config.world import Entry, Load, Reference, Section, Table, columns
from enterprise.models import EnterpriseCustomerSsoConfiguration
from enterprise.world.lookups import CUSTOMER

_PLAIN = [field.name for field in EnterpriseCustomerSsoConfiguration._meta.concrete_fields if not field.is_relation]
_TABLE = Table(model=EnterpriseCustomerSsoConfiguration, key=("uuid",))


def _load(load: Load, entries: list[Entry]) -> None:
    _TABLE.store(load, entries)


SSO_CONFIGURATIONS = Section(
    name="sso_configurations",
    key=("uuid",),
    fields={
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        **columns(EnterpriseCustomerSsoConfiguration, *_PLAIN),
    },
    load=_load,
)
