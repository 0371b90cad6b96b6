"""Asking the customer success team for coupon codes (contract: enterprise-customers 4.10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from enrollments.services import outbox
from enterprise.emails.coupon_codes import MESSAGE_TYPE


@transaction.atomic
def request(asked: Mapping[str, Any]) -> None:
    """Queues the mail to the customer success team (setting ENTERPRISE_CUSTOMER_SUCCESS_EMAIL).

    Args:
        asked: `email` and `enterprise_name` of who asks, `number_of_codes`, `notes`; texts or numbers.
    """
    recipient, key = settings.ENTERPRISE_CUSTOMER_SUCCESS_EMAIL, f"coupon_codes:{uuid4()}"
    outbox.queue([outbox.NewMessage(key, MESSAGE_TYPE, recipient, dict(asked))])
