"""The copy of a learner's name that a customer's members are found and ordered by.

A list of ten thousand members that is ordered by names in another table is sorted anew at each look.
Contract: enterprise-admins-groups-sso, Members and support users.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import F, OuterRef, Subquery

from enrollments.models import User
from enterprise.models import EnterpriseCustomerUser
from enterprise.queries.accounts import shown_name


def refresh(account_ids: Collection[int]) -> None:
    """Brings the copies of these accounts in line; one statement, with neither history nor a new `modified`."""
    if not account_ids:
        return
    name = Subquery(User.objects.filter(pk=OuterRef("user_fk")).values(name=shown_name())[:1])
    links = EnterpriseCustomerUser.all_objects.filter(user_id__in_set=account_ids, user_fk__isnull=False)
    links.annotate(wanted=name).exclude(member_name=F("wanted")).order_by().update(member_name=name)
