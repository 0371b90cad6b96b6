"""What this app forgets of a retired account (contract: enterprise-learners, Account retired)."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from config.db.history import acting_account_id
from config.db.sets import record_history
from enrollments.models import UserRetirementStatus
from enterprise.models import (
    DataSharingConsent,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
)
from enterprise.queries.emails import with_emails


@transaction.atomic
def forget(retired: UserRetirementStatus) -> None:
    """Replaces the address of pending learners and admins, and the user name of consents, by the retired ones.

    History rows are rewritten too: they would keep what is to be forgotten. Changes nothing the second time.
    """
    for pending in (PendingEnterpriseCustomerUser, PendingEnterpriseCustomerAdminUser):
        _rename_address(pending, retired.original_email, retired.retired_email)
    names = {"username": retired.original_username}
    consents = DataSharingConsent.objects.filter(**names)
    ids = list(consents.values_list("pk", flat=True))
    consents.update(username=retired.retired_username)
    record_history(DataSharingConsent, ids, "~", user_id=acting_account_id())
    DataSharingConsent.history.filter(**names).update(username=retired.retired_username)


def _rename_address(model: Any, original: str, replacement: str) -> None:
    if not original:
        return
    taken = with_emails(model.objects.all(), "user_email", [replacement]).values("enterprise_customer")
    rows = with_emails(model.objects.all(), "user_email", [original])
    # A customer that invited the address again after an earlier retirement has the replacement already.
    rows.filter(enterprise_customer__in=taken).delete()
    ids = list(rows.values_list("pk", flat=True))
    model.objects.filter(pk__in_set=ids).update(user_email=replacement)
    record_history(model, ids, "~", user_id=acting_account_id())
    with_emails(model.history.all(), "user_email", [original]).update(user_email=replacement)
