"""Changes of reporting configurations, and the keys of their passwords (contract: enterprise-customers 4.9 and 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Cast

from config.api.exceptions import Refusal
from config.db.secrets import decrypted, encrypted
from config.db.sets import update_from
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerCatalog,
    EnterpriseCustomerReportingConfiguration,
)
from enterprise.models.reporting import KEYS, SECRETS
from enterprise.queries.reporting import NO_SUCH_CONFIGURATION

DELIVERY_METHOD_IS_FIXED = "Delivery method cannot be updated"
EMAIL_IS_NEEDED = "This field is required"
FOREIGN_CATALOGS = "Only those catalogs can be linked that belong to the enterprise customer."
UUID_IS_TAKEN = "Another reporting configuration has this uuid."
BATCH = 500  # rows
EMAIL = EnterpriseCustomerReportingConfiguration.DeliveryMethod.EMAIL


@transaction.atomic
def create(
    customer: EnterpriseCustomer, values: Mapping[str, Any], catalogs: Collection[UUID]
) -> EnterpriseCustomerReportingConfiguration:
    """A new configuration of a customer, with these catalogs.

    Args:
        values: checked values of its fields, by name; those left out take their defaults.
        catalogs: uuids.
    Raises:
        ValidationError: errors by the name the field has in requests.
    """
    _check_email(values, values.get("delivery_method"))
    _check_catalogs(customer, catalogs)
    configuration = EnterpriseCustomerReportingConfiguration.objects.create(enterprise_customer=customer, **values)
    configuration.enterprise_customer_catalogs.set(catalogs)  # type: ignore[arg-type] # keys do
    return configuration


@transaction.atomic
def change(
    configuration: EnterpriseCustomerReportingConfiguration,
    customer: EnterpriseCustomer,
    values: Mapping[str, Any],
    catalogs: Collection[UUID],
) -> EnterpriseCustomerReportingConfiguration:
    """Gives a configuration these values, this customer, and exactly these catalogs.

    Args:
        values: as in `create`; those left out stay. With `uuid` among them the delivery method cannot change.
    Raises:
        Refusal: 404, the configuration was deleted in between.
        ValidationError: as `create`.
    """
    stored = EnterpriseCustomerReportingConfiguration.objects.select_for_update().filter(pk=configuration.pk).first()
    if stored is None:
        raise Refusal(NO_SUCH_CONFIGURATION, status=404)
    delivery_method = values.get("delivery_method", stored.delivery_method)
    if "uuid" in values and delivery_method != stored.delivery_method:
        raise ValidationError({"delivery_method": DELIVERY_METHOD_IS_FIXED})
    _check_email(values, delivery_method)
    _check_catalogs(customer, catalogs)
    _check_uuid(stored, values.get("uuid", stored.uuid))
    for name, value in values.items():
        setattr(stored, name, value)
    stored.enterprise_customer = customer
    stored.save()
    stored.enterprise_customer_catalogs.set(catalogs)  # type: ignore[arg-type] # keys do
    return stored


def _check_email(values: Mapping[str, Any], delivery_method: str | None) -> None:
    if delivery_method == EMAIL and values.get("email") == []:
        raise ValidationError({"email": EMAIL_IS_NEEDED})


def _check_catalogs(customer: EnterpriseCustomer, catalogs: Collection[UUID]) -> None:
    own = EnterpriseCustomerCatalog.objects.filter(enterprise_customer=customer, pk__in_set=catalogs)
    if catalogs and own.count() != len(catalogs):  # one that is named twice counts as wrong
        raise ValidationError({"enterprise_customer_catalog_uuids": FOREIGN_CATALOGS})


def _check_uuid(stored: EnterpriseCustomerReportingConfiguration, uuid: UUID) -> None:
    if uuid != stored.uuid and EnterpriseCustomerReportingConfiguration.objects.filter(uuid=uuid).exists():
        raise ValidationError({"uuid": UUID_IS_TAKEN})


def check_completeness(values: Mapping[str, Any], *, has_password: bool, has_sftp_password: bool) -> None:
    """What a configuration needs to work, beyond what the API asks for: the rules of the operators' form.

    Args:
        values: by field name; `enterprise_customer_catalogs` holds catalogs.
        has_password, has_sftp_password: whether there is one, stored or given.
    Raises:
        ValidationError: errors by field.
    """
    errors: dict[str, str] = {}
    needed: list[tuple[str, str]] = []
    if values.get("frequency") == "weekly":
        needed.append(("day_of_week", "A weekly report needs the day of the week."))
    if values.get("frequency") == "monthly":
        needed.append(("day_of_month", "A monthly report needs the day of the month."))
    if values.get("delivery_method") == "sftp":
        needed += [
            (name, "Delivery by SFTP needs this.") for name in ("sftp_hostname", "sftp_username", "sftp_file_path")
        ]
        if not has_sftp_password:
            errors["decrypted_sftp_password"] = "Delivery by SFTP needs a password."
    if values.get("delivery_method") == "email" and not has_password and not values.get("pgp_encryption_key"):
        errors["decrypted_password"] = "Delivery by e-mail needs a password or a PGP key."
    errors |= {name: message for name, message in needed if values.get(name) in (None, "")}
    customer: EnterpriseCustomer | None = values.get("enterprise_customer")
    catalogs: Iterable[EnterpriseCustomerCatalog] = values.get("enterprise_customer_catalogs") or ()
    if customer and any(catalog.enterprise_customer_id != customer.pk for catalog in catalogs):
        errors["enterprise_customer_catalogs"] = FOREIGN_CATALOGS
    if errors:
        raise ValidationError(errors)


# --- After a change of keys -----------------------------------------------------------------------------------------


def reencrypt_passwords(unreadable: Callable[[int, str], None]) -> int:
    """Encrypts every stored password anew with the first key; what no key opens stays as it is.

    Three statements for every 500 rows; rows are locked meanwhile, so that no new password gets lost.

    Args:
        unreadable: told the id of the configuration and the field of each password that no key opens.
    Returns:
        How many passwords were encrypted anew.
    """
    done, last = 0, 0
    while ids := list(
        EnterpriseCustomerReportingConfiguration.objects.filter(pk__gt=last)
        .order_by("pk")
        .values_list("pk", flat=True)[:BATCH]
    ):
        last = ids[-1]
        done += _reencrypt(ids, unreadable)
    return done


@transaction.atomic
def _reencrypt(ids: Collection[int], unreadable: Callable[[int, str], None]) -> int:
    stored = {name: Cast(name, models.TextField()) for name in SECRETS}
    rows = (
        EnterpriseCustomerReportingConfiguration.objects.filter(pk__in_set=ids)
        .select_for_update()
        .order_by("pk")
        .values_list("pk", *stored.values())
    )
    done, fresh = 0, []
    for pk, *tokens in rows:
        renewed = list(tokens)
        for place, (name, token) in enumerate(zip(SECRETS, tokens, strict=True)):
            if not token:
                continue
            try:
                renewed[place] = encrypted(decrypted(token, KEYS), KEYS)
                done += 1
            except InvalidToken:
                unreadable(pk, name)
        if renewed != tokens:
            fresh.append((pk, *renewed))
    update_from(EnterpriseCustomerReportingConfiguration, ("id", *SECRETS), fresh)
    return done
