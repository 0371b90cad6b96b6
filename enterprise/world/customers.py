"""Sites, customers with what belongs to each, and invite keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.sites.models import Site
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models

from config.world import (
    ROW_ID,
    Column,
    Entry,
    Load,
    Object,
    Objects,
    Reference,
    Refused,
    Section,
    Shape,
    Table,
    columns,
)
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerBrandingConfiguration,
    EnterpriseCustomerIdentityProvider,
    EnterpriseCustomerInviteKey,
)
from enterprise.models.customers import default_customer_type_id, own_site_id
from enterprise.world.lookups import CUSTOMER, CUSTOMER_TYPE, SITE

# --- sites --------------------------------------------------------------------------------------------------------

OWN_SITE = "own_site"  # what the files leave for later sections: the id of the service's own site
_SITE_TABLE = Table(model=Site, key=("domain",))


def _load_sites(load: Load, entries: list[Entry]) -> None:
    for entry in entries:
        entry.defaults["name"] = entry.given["domain"][:50]
    _SITE_TABLE.store(load, entries)
    named = [entry for entry in entries if entry.given.get("default")]
    if len(named) > 1:
        raise Refused(named[1].place.field("default"), f"The service's own site is {named[0].place} already.")
    if entries:
        load.shared[OWN_SITE] = (named or entries)[0].row.pk


SITES = Section(
    name="sites",
    key=("domain",),
    fields={"id": ROW_ID, **columns(Site, "domain", "name"), "default": Column(models.BooleanField())},
    load=_load_sites,
)

# --- customers ----------------------------------------------------------------------------------------------------

_PNG = b"\x89PNG\r\n\x1a\n"
_PLAIN = [field.name for field in EnterpriseCustomer._meta.concrete_fields if not field.is_relation]
_BRANDING = Shape(
    fields={
        **columns(
            EnterpriseCustomerBrandingConfiguration,
            "primary_color",
            "secondary_color",
            "tertiary_color",
            "created",
            "modified",
        ),
        "logo": Column(models.CharField(max_length=1000, null=True)),
    }
)
_IDENTITY_PROVIDER = Shape(
    key=("provider_id",),
    fields=columns(EnterpriseCustomerIdentityProvider, "provider_id", "default_provider", "created", "modified"),
)
_CUSTOMER_TABLE = Table(model=EnterpriseCustomer, key=("uuid",))
_BRANDING_TABLE = Table(model=EnterpriseCustomerBrandingConfiguration, key=("enterprise_customer_id",))
_PROVIDER_TABLE = Table(model=EnterpriseCustomerIdentityProvider, key=("enterprise_customer_id", "provider_id"))


def _load_customers(load: Load, entries: list[Entry]) -> None:
    site, kind = load.shared.get(OWN_SITE) or own_site_id(), default_customer_type_id()
    for entry in entries:
        entry.defaults = {"site_id": site, "customer_type_id": kind}
    _CUSTOMER_TABLE.store(load, entries)
    branded = [(entry, entry.given["branding"]) for entry in entries if entry.given.get("branding") is not None]
    _choose_logos(load, branded)
    for entry, branding in branded:
        branding.values["enterprise_customer_id"] = entry.row.pk
    _BRANDING_TABLE.store(load, [branding for _, branding in branded])
    for entry, branding in branded:
        entry.changed |= branding.created or branding.changed
    linked = [(entry, entry.given["identity_providers"]) for entry in entries if "identity_providers" in entry.given]
    _PROVIDER_TABLE.store_lists(load, linked, "enterprise_customer_id")


def _choose_logos(load: Load, branded: Sequence[tuple[Entry, Entry]]) -> None:
    """Names a new file for every logo that is not the stored one; the files are written when all else is stored."""
    asked = [(entry, branding) for entry, branding in branded if "logo" in branding.given]
    rows = EnterpriseCustomerBrandingConfiguration.objects.filter(
        enterprise_customer__uuid__in_set=[entry.row.pk for entry, _ in asked]
    )
    stored = {row.enterprise_customer_id: row.logo for row in rows}
    for entry, branding in asked:
        name = branding.given["logo"]
        if name is None:
            if stored.get(entry.row.pk):
                branding.values["logo"] = None
            continue
        try:
            content = _picture(load.folder_of(branding.place) / name)
        except (OSError, ValueError) as error:
            load.note(Refused(branding.place.field("logo"), f"{name!r} cannot be the logo: {error}."))
            continue
        if content != _content_of(stored.get(entry.row.pk)):
            path = f"enterprise/branding/{entry.row.pk}/logo_{uuid4()}.png"
            branding.values["logo"] = path
            load.at_end(partial(default_storage.save, path, ContentFile(content)))


def _picture(path: Path) -> bytes:
    """The content of a logo file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no PNG picture, or too large.
    """
    content = path.read_bytes()
    if path.suffix.lower() != ".png" or not content.startswith(_PNG):
        raise ValueError("it is no PNG picture")
    if len(content) > settings.ENTERPRISE_CUSTOMER_LOGO_IMAGE_SIZE * 1024:
        raise ValueError(f"it is larger than {settings.ENTERPRISE_CUSTOMER_LOGO_IMAGE_SIZE} kB")
    return content


def _content_of(logo: Any) -> bytes | None:
    if not logo or not default_storage.exists(logo.name):
        return None
    with default_storage.open(logo.name) as file:
        return bytes(file.read())


CUSTOMERS = Section(
    name="customers",
    key=("uuid",),
    fields={
        **columns(EnterpriseCustomer, *_PLAIN),
        "site": Reference(SITE, "site_id"),
        "customer_type": Reference(CUSTOMER_TYPE, "customer_type_id"),
        "branding": Object(_BRANDING, null=True),
        "identity_providers": Objects(_IDENTITY_PROVIDER),
    },
    load=_load_customers,
)

# --- invite_keys --------------------------------------------------------------------------------------------------

_INVITE_KEY_TABLE = Table(model=EnterpriseCustomerInviteKey, key=("uuid",), in_bulk=True)


def _load_invite_keys(load: Load, entries: list[Entry]) -> None:
    asked = {entry.values["uuid"]: entry for entry in entries if entry.values.get("is_active")}
    switched_off = EnterpriseCustomerInviteKey.all_objects.filter(pk__in_set=list(asked), is_active=False)
    for uuid in switched_off.values_list("pk", flat=True):
        load.note(Refused(asked[uuid].place.field("is_active"), "Cannot reactivate an inactive invite key."))
    _INVITE_KEY_TABLE.store(load, entries)


INVITE_KEYS = Section(
    name="invite_keys",
    key=("uuid",),
    fields={
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        **columns(
            EnterpriseCustomerInviteKey,
            "uuid",
            "usage_limit",
            "expiration_date",
            "is_active",
            "is_removed",
            "created",
            "modified",
        ),
    },
    load=_load_invite_keys,
)
