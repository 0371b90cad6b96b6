"""SAML configurations, providers and their data; the first two in versions."""

from __future__ import annotations

from config.world import ROW_ID, Entry, Load, Reference, Refused, Section, Table, columns
from enrollments.world.lookups import ORGANIZATION
from enterprise.models import EnterpriseCustomerIdentityProvider
from enterprise.models.customers import own_site_id
from enterprise.world.customers import OWN_SITE
from enterprise.world.lookups import CUSTOMER, SITE
from saml_admin.models import SAMLConfiguration, SAMLProviderConfig, SAMLProviderData
from saml_admin.queries.providers import PREFIX
from saml_admin.services.providers import save_configuration, save_version

_CONFIGURATION = [
    field.name
    for field in SAMLConfiguration._meta.concrete_fields
    if not field.is_relation and field.name not in ("id", "change_date")
]
_PROVIDER = [
    field.name
    for field in SAMLProviderConfig._meta.concrete_fields
    if not field.is_relation and field.name not in ("id", "change_date", "icon_image")
]
_CONFIGURATION_TABLE = Table(
    model=SAMLConfiguration, key=("site_id", "slug"), find_by="slug", save=save_configuration, newest=True
)
_PROVIDER_TABLE = Table(model=SAMLProviderConfig, key=("slug",), save=save_version, newest=True)
_DATA_TABLE = Table(model=SAMLProviderData, key=("entity_id", "public_key"))


def _load_configurations(load: Load, entries: list[Entry]) -> None:
    for entry in entries:
        entry.values.setdefault("site_id", load.shared.get(OWN_SITE) or own_site_id())
    _CONFIGURATION_TABLE.store(load, entries)


def _load_providers(load: Load, entries: list[Entry]) -> None:
    customers = {entry.given["slug"]: entry.values.pop("customer_id", None) for entry in entries}
    for entry in entries:
        entry.defaults["site_id"] = load.shared.get(OWN_SITE) or own_site_id()
    _PROVIDER_TABLE.store(load, entries)
    links = {
        link.provider_id: link
        for link in EnterpriseCustomerIdentityProvider.objects.filter(
            provider_id__in_set=[f"{PREFIX}{slug}" for slug in customers]
        )
    }
    for entry in entries:
        customer_id, link = customers[entry.given["slug"]], links.get(entry.row.provider_id)
        if customer_id is None:
            continue
        if link is None:
            EnterpriseCustomerIdentityProvider.objects.create(
                enterprise_customer_id=customer_id,
                provider_id=entry.row.provider_id,
                sync_learner_profile_data=entry.row.sync_learner_profile_data,
            )
            entry.changed = True
        elif link.enterprise_customer_id != customer_id:
            load.note(Refused(entry.place.field("customer"), "Another customer is linked with this provider."))
    load.stop_if_refused()


def _load_data(load: Load, entries: list[Entry]) -> None:
    _DATA_TABLE.store(load, entries)


SAML_CONFIGURATIONS = Section(
    name="saml_configurations",
    key=("site", "slug"),
    fields={"site": Reference(SITE, "site_id"), **columns(SAMLConfiguration, *_CONFIGURATION)},
    load=_load_configurations,
)
SAML_PROVIDERS = Section(
    name="saml_providers",
    key=("slug",),
    fields={
        "customer": Reference(CUSTOMER, "customer_id"),
        "organization": Reference(ORGANIZATION, "organization_id", null=True),
        "site": Reference(SITE, "site_id"),
        **columns(SAMLProviderConfig, *_PROVIDER),
    },
    load=_load_providers,
)
SAML_PROVIDER_DATA = Section(
    name="saml_provider_data",
    key=("entity_id", "public_key"),
    fields={
        "id": ROW_ID,
        **columns(SAMLProviderData, "entity_id", "public_key", "sso_url", "fetched_at", "expires_at"),
    },
    load=_load_data,
)
