"""Invite keys: making them, switching them off, and joining a customer with one.

Contract: enterprise-customers 2 and 4.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.api.exceptions import Refusal
from enrollments.models import User
from enrollments.services import tracking
from enrollments.services.bulk import lock_accounts
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerInviteKey, EnterpriseCustomerUser
from enterprise.queries.invite_keys import NO_SUCH_KEY, usage_counts
from enterprise.services import customers, links

MOST_KEYS = 100  # of a customer
TOO_MANY = f"Cannot create more than {MOST_KEYS} invite keys per customer."
NO_WAY_BACK = "Cannot reactivate an inactive invite key."
NOT_VALID = "Enterprise customer invite key is not valid"
JOINED = "edx.bi.user.enterprise.onboarding"


@transaction.atomic
def create(customer: EnterpriseCustomer, **fields: Any) -> EnterpriseCustomerInviteKey:
    """Makes a key of a customer.

    Args:
        fields: columns of the key; those left out have the model's defaults.
    Raises:
        Refusal: 422, the customer has a hundred keys; 404, it was just deleted.
    """
    # The customer's row is what two creations at once have in common.
    customers.locked(customer)
    if not has_room(customer):
        raise Refusal(TOO_MANY, status=422)
    return EnterpriseCustomerInviteKey.objects.create(enterprise_customer=customer, **fields)


def has_room(customer: EnterpriseCustomer) -> bool:
    """Whether the customer may have one more key."""
    return EnterpriseCustomerInviteKey.objects.filter(enterprise_customer=customer).count() < MOST_KEYS


@transaction.atomic
def change(key: EnterpriseCustomerInviteKey, fields: Mapping[str, Any]) -> EnterpriseCustomerInviteKey:
    """Stores new values of a key.

    Args:
        fields: any of `expiration_date`, `is_active`.
    Raises:
        Refusal: 422, the key is inactive and should become active.
    """
    stored = _locked(key)
    if fields.get("is_active") and not stored.is_active:
        raise Refusal(NO_WAY_BACK, status=422)
    for name, value in fields.items():
        setattr(stored, name, value)
    if fields:
        stored.save(update_fields=list(fields))
    return stored


def deactivate_all(customer: EnterpriseCustomer) -> int:
    """Switches off the active keys of a customer at once, without history; returns how many they were."""
    active = EnterpriseCustomerInviteKey.objects.filter(enterprise_customer=customer, is_active=True)
    return active.update(is_active=False, modified=timezone.now())


# --- Joining --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of the caller's link: `created`, there was none before; `refused`, an admin removed the learner."""

    created: bool
    refused: bool = False


def link_user(key: EnterpriseCustomerInviteKey, account: User) -> bool:
    """Links an account with the key's customer, active; says whether that made a new link.

    A learner who is linked and active keeps the link as it is. Two who want the last free place are served in turn.

    Raises:
        Refusal: 422; the key admits nobody, or (without a body) an admin removed the learner for good.
    """
    joined = _join(key, account)
    if joined.refused:  # raised out here: the event of the attempt stays
        raise Refusal("", status=422)
    return joined.created


@transaction.atomic
def _join(key: EnterpriseCustomerInviteKey, account: User) -> Joined:
    lock_accounts([account.pk])
    stored = _locked(key)
    if not stored.is_valid(usage_counts([stored.pk]).get(stored.pk, 0)):
        raise Refusal(NOT_VALID, status=422)
    customer = key.enterprise_customer
    found = EnterpriseCustomerUser.all_objects.filter(enterprise_customer=customer, user_id=account.pk).first()
    created = found is None
    about = {"pathway": "enterprise-user-linked", "user_id": account.pk, "enterprise_customer_uuid": str(customer.pk)}
    tracking.emit([tracking.Line(JOINED, {**about, "invite_key": str(key.pk), "created": created})])
    if found is not None and found.linked and found.active:
        return Joined(created)
    wish = links.Wish(customer, account, invite_key=stored, relink_barred=False, relink_as_is=True)
    return Joined(created, refused=links.link_all([wish])[0].link is None)


def _locked(key: EnterpriseCustomerInviteKey) -> EnterpriseCustomerInviteKey:
    """The key as it is stored now, locked.

    Raises:
        Refusal: 404, it was removed meanwhile.
    """
    stored = EnterpriseCustomerInviteKey.objects.select_for_update(no_key=True).filter(pk=key.pk).first()
    if stored is None:
        raise Refusal(NO_SUCH_KEY, status=404)
    return stored
