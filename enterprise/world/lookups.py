"""How other rows refer to the rows of this app."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import Any
from uuid import UUID

from django.contrib.sites.models import Site

from config.db.ids import LARGEST_ID
from config.world import Lookup, Place, Refused
from enrollments.models import User
from enterprise.models import (
    EnterpriseCatalogQuery,
    EnterpriseCustomer,
    EnterpriseCustomerCatalog,
    EnterpriseCustomerInviteKey,
    EnterpriseCustomerType,
    EnterpriseCustomerUser,
    EnterpriseEnrollmentSource,
    OnboardingFlow,
    SystemWideEnterpriseRole,
)


class QueryLookup(Lookup):
    """Catalog queries by id or title."""

    def read(self, place: Place, value: Any) -> Hashable:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise Refused(place, f"{value!r} is neither the id nor the title of a catalog query.")
        return value

    def fetch(self, keys: Collection[Any]) -> dict[Any, Any]:
        queries = EnterpriseCatalogQuery.objects.order_by()
        # What no column can hold is the id of no query.
        ids = queries.filter(pk__in_set=[key for key in keys if isinstance(key, int) and 0 < key <= LARGEST_ID])
        titles = queries.filter(title__in_set=[key for key in keys if isinstance(key, str)])
        return {**{pk: pk for pk in ids.values_list("pk", flat=True)}, **dict(titles.values_list("title", "pk"))}


SITE = Lookup("site", Site, "domain")
CUSTOMER = Lookup("customer", EnterpriseCustomer)
CUSTOMER_TYPE = Lookup("customer type", EnterpriseCustomerType, "name")
CATALOG = Lookup("catalog", EnterpriseCustomerCatalog)
CATALOG_QUERY = QueryLookup("catalog query", EnterpriseCatalogQuery)
ROLE = Lookup("system-wide role", SystemWideEnterpriseRole, "name")
INVITE_KEY = Lookup("invite key", EnterpriseCustomerInviteKey)
TOUR_FLOW = Lookup("tour flow", OnboardingFlow)
SOURCE = Lookup("enrollment source", EnterpriseEnrollmentSource, "slug")
USERNAME = Lookup("account", User, "username", gives="username")


def links_of(pairs: Iterable[tuple[UUID, int]]) -> dict[tuple[UUID, int], tuple[int, bool]]:
    """The links, unlinked ones too, of accounts with customers: their id, and whether they stand. One statement.

    Args:
        pairs: uuid of the customer, id of the account.
    """
    rows = EnterpriseCustomerUser.all_objects.filter(user_id__in_set=list({user_id for _, user_id in pairs})).order_by()
    stored = rows.values_list("pk", "enterprise_customer_id", "user_id", "linked")
    return {(customer_id, user_id): (pk, linked) for pk, customer_id, user_id, linked in stored}
