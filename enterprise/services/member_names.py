"""The copies of names and addresses that a customer's people are found and ordered by.

A list of ten thousand learners that is ordered by names in another table is sorted anew at each look.
Contract: enterprise-admins-groups-sso, Members and support users.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Exists, F, OuterRef, Q, Subquery

from enrollments.models import User
from enterprise.models import EnterpriseCustomerUser
from enterprise.models.learners import search_text
from enterprise.queries.accounts import shown_name


def refresh(account_ids: Collection[int]) -> None:
    """Brings the copies of these accounts in line; one statement, with neither history nor a new `modified`."""
    if not account_ids:
        return
    account = User.objects.filter(pk=OuterRef("user_fk")).annotate(shown=shown_name())
    same = Q(shown=OuterRef("member_name"), username=OuterRef("member_username"), email=OuterRef("member_email"))
    links = EnterpriseCustomerUser.all_objects.filter(user_id__in_set=account_ids, user_fk__isnull=False)
    links.filter(Exists(account.exclude(same))).order_by().update(
        member_name=Subquery(account.values("shown")[:1]),
        member_username=Subquery(account.values("username")[:1]),
        member_email=Subquery(account.values("email")[:1]),
        member_search=Subquery(account.values(text=search_text(F("shown"), F("email"), F("username")))[:1]),
    )
