"""Invite keys as their answers show them (contract: enterprise-customers 1.4 and 4.7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet
from django_filters import FilterSet, UUIDFilter
from rest_framework.exceptions import NotFound

from config.db.reads import KeyedStatement
from enterprise.models import EnterpriseCustomerInviteKey, EnterpriseCustomerUser
from enterprise.queries.customers import parsed_uuid

NO_SUCH_KEY = "No EnterpriseCustomerInviteKey matches the given query."
ORDERING_FIELDS = ("uuid", "usage_limit", "expiration_date", "is_active", "created")


class InviteKeyFilter(FilterSet):
    """The keys of one customer."""

    enterprise_customer_uuid = UUIDFilter(field_name="enterprise_customer_id")


def visible_keys(request: Any) -> QuerySet[EnterpriseCustomerInviteKey]:
    """All keys for staff, for others those of the customers that they are linked to; the oldest first."""
    keys = EnterpriseCustomerInviteKey.objects.select_related("enterprise_customer").order_by("created", "pk")
    if request.user.is_staff:
        return keys
    links = EnterpriseCustomerUser.objects.filter(
        user_id=request.user.pk, enterprise_customer=OuterRef("enterprise_customer_id")
    )
    return keys.filter(Exists(links.order_by()))


def key_named(uuid: object, keys: QuerySet[EnterpriseCustomerInviteKey] | None = None) -> EnterpriseCustomerInviteKey:
    """The key with a uuid, with its customer, among the given ones or all.

    Raises:
        NotFound: `Not found.` for a text that is no uuid, `No EnterpriseCustomerInviteKey ...` where there is none.
    """
    among = EnterpriseCustomerInviteKey.objects.select_related("enterprise_customer") if keys is None else keys
    wanted = parsed_uuid(uuid)
    if wanted is None:
        raise NotFound
    found = among.filter(pk=wanted).first()
    if found is None:
        raise NotFound(NO_SUCH_KEY)
    return found


def customer_of(uuid: object) -> UUID | None:
    """The customer of a key; None for one that does not exist."""
    wanted = parsed_uuid(uuid)
    keys = EnterpriseCustomerInviteKey.objects.filter(pk=wanted).order_by() if wanted else None
    return keys.values_list("enterprise_customer_id", flat=True).first() if keys is not None else None


def count_usage(keys: Iterable[EnterpriseCustomerInviteKey]) -> list[tuple[EnterpriseCustomerInviteKey, int]]:
    """Each key with its `usage_count`: the learners linked now who came with it. One statement for all."""
    listed = list(keys)
    counts = usage_counts([key.pk for key in listed])
    return [(key, counts.get(key.pk, 0)) for key in listed]


def usage_counts(keys: Collection[UUID]) -> dict[UUID, int]:
    """How many learners are linked by each key; those that nobody used are left out."""
    return dict(_usage_rows(keys))


_usage_rows = KeyedStatement(
    lambda keys: (
        EnterpriseCustomerUser.objects.filter(invite_key__uuid__in_set=keys)
        .order_by()
        .values_list("invite_key_id")
        .annotate(Count("pk"))
    )
)
