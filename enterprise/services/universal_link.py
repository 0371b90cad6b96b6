"""The universal link of a customer, which goes with its invite keys (contract: enterprise-customers 4.2.9)."""

from __future__ import annotations

from django.db import transaction

from enterprise.models import EnterpriseCustomer
from enterprise.services import customers, invite_keys


@transaction.atomic
def switch(customer: EnterpriseCustomer, enabled: bool) -> bool:
    """Switches the universal link on, with a new key, or off, together with all keys; says whether it was not so.

    Raises:
        Refusal: 422, switching on would need one key too many; 404, the customer was just deleted. Nothing is changed.
    """
    stored = customers.locked(customer)
    if stored.enable_universal_link == enabled:
        return False
    stored.enable_universal_link = enabled
    if enabled:
        invite_keys.create(stored)
    else:
        invite_keys.deactivate_all(stored)
    customers.save(stored)
    return True
