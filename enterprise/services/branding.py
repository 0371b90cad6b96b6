"""Logo and colours of a customer (contract: enterprise-customers 4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from config.api.exceptions import Refusal
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerBrandingConfiguration
from enterprise.services import customers, logos

COLORS = ("primary_color", "secondary_color", "tertiary_color")


def update(customer: EnterpriseCustomer, fields: Mapping[str, Any]) -> EnterpriseCustomerBrandingConfiguration:
    """Stores what is given of a customer's branding, and makes the row if there is none.

    A new logo gets a name that nobody can guess; the file it replaces goes once the change is committed. A change that
    fails leaves neither row nor file.

    Args:
        fields: any of the three colours, and `logo`: an upload, or None to take the logo away.
    Raises:
        Refusal: 400 `{"logo": [...]}`, the upload cannot be a logo; 404, the customer was just deleted.
    """
    logo = fields.get("logo")
    try:
        content = logos.content_of(logo) if logo else None
    except logos.Unacceptable as problem:
        raise Refusal("", body={"logo": [str(problem)]}) from problem
    path = f"enterprise/branding/{customer.pk}/logo_{uuid4()}.png"
    stored = None
    try:
        with transaction.atomic():
            row = _locked(customer)
            replaced = row.logo.name
            for name in COLORS:
                if name in fields:
                    setattr(row, name, fields[name])
            if content is not None:
                stored = path  # known before it is written: a full disk leaves the part that found room
                stored = default_storage.save(path, ContentFile(content))
            if "logo" in fields:
                row.logo = stored
                _remove_on_commit(replaced)
            row.save()
    except BaseException:
        if stored:
            default_storage.delete(stored)
        raise
    return row


@transaction.atomic
def delete(row: EnterpriseCustomerBrandingConfiguration) -> None:
    """Deletes a branding with its logo; the customer then looks like the platform."""
    stored = _locked(row.enterprise_customer)
    if stored.pk is not None:
        _remove_on_commit(stored.logo.name)
        stored.delete()


def _locked(customer: EnterpriseCustomer) -> EnterpriseCustomerBrandingConfiguration:
    """The customer's branding, or a new one; two changes at once come one after the other."""
    customers.locked(customer)
    found = EnterpriseCustomerBrandingConfiguration.objects.filter(enterprise_customer=customer).first()
    return found or EnterpriseCustomerBrandingConfiguration(enterprise_customer=customer)


def _remove_on_commit(name: str | None) -> None:
    if name:
        transaction.on_commit(partial(default_storage.delete, name), robust=True)
