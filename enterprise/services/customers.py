"""Storing and deleting customers with what that drags along (contract: enterprise-customers 2 and 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from config.api.exceptions import Refusal
from config.db.cascade import delete_with_dependants
from config.db.history import acting_account_id
from enrollments.models import User
from enrollments.services.bulk import lock_accounts
from enrollments.services.profiles import clear_language_preference
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerBrandingConfiguration, EnterpriseCustomerUser

SLUG_TAKEN = "Enterprise Customer with this slug already exists."
GONE = "No EnterpriseCustomer matches the given query."


@transaction.atomic
def save(customer: EnterpriseCustomer) -> None:
    """Stores a customer. A new default language blanks its learners' own preferences, so that it is used instead."""
    stored = EnterpriseCustomer.all_objects.filter(pk=customer.pk).values_list("default_language", flat=True).first()
    customer.save()
    if customer.default_language and customer.default_language != stored:
        learners = EnterpriseCustomerUser.objects.filter(enterprise_customer=customer).order_by()
        clear_language_preference(User.objects.filter(pk__in=learners.values("user_id")))


def create(values: Mapping[str, Any]) -> EnterpriseCustomer:
    """Makes a customer; nobody is linked to it.

    Args:
        values: by field; fields left out have the defaults of the model.
    Raises:
        Refusal: 400, somebody took the slug in the meantime.
    """
    customer = EnterpriseCustomer(**values)
    _save_unless_slug_is_taken(customer)
    return customer


@transaction.atomic
def update(customer: EnterpriseCustomer, values: Mapping[str, Any]) -> None:
    """Changes some fields of a customer; what others change at the same time stays changed.

    Raises:
        Refusal: 400, somebody took the slug in the meantime; 404, somebody deleted the customer.
    """
    stored = locked(customer)
    for name, value in values.items():
        setattr(stored, name, value)
    _save_unless_slug_is_taken(stored)


def locked(customer: EnterpriseCustomer) -> EnterpriseCustomer:
    """The customer as it is stored now, locked: two changes of what is its own come one after the other.

    Raises:
        Refusal: 404, somebody has just deleted it.
    """
    stored = EnterpriseCustomer.all_objects.select_for_update(no_key=True).filter(pk=customer.pk).order_by().first()
    if stored is None:
        raise Refusal(GONE, status=404)
    return stored


@transaction.atomic
def delete(customer: EnterpriseCustomer) -> None:
    """Deletes a customer for good, with its learners' links and all else that is its own; a fixed number of statements.

    Accounts and their plain enrollments stay.
    """
    links = EnterpriseCustomerUser.all_objects.filter(enterprise_customer=customer).order_by()
    lock_accounts(set(links.values_list("user_id", flat=True)))
    branding = EnterpriseCustomerBrandingConfiguration.objects.filter(enterprise_customer=customer).order_by()
    logos = [logo for logo in branding.values_list("logo", flat=True) if logo]
    delete_with_dependants(EnterpriseCustomer, [customer.pk], user_id=acting_account_id())
    for logo in logos:
        transaction.on_commit(partial(default_storage.delete, logo), robust=True)


def _save_unless_slug_is_taken(customer: EnterpriseCustomer) -> None:
    try:
        with transaction.atomic():
            save(customer)
    except IntegrityError as collision:
        if not EnterpriseCustomer.all_objects.filter(slug=customer.slug).exclude(pk=customer.pk).exists():
            raise
        raise Refusal(SLUG_TAKEN, body={"slug": [SLUG_TAKEN]}) from collision
