"""Mails about memberships of groups: what is asked for, what they say, and what becomes of them.

Contract: enterprise-admins-groups-sso, Background work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from enrollments.emails.registry import Rendered
from enrollments.models import OutboxMessage
from enrollments.services.outbox import NewMessage
from enterprise.emails.groups import INVITATION, REMOVAL, group_letter
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerCatalog, EnterpriseGroupMembership
from enterprise.queries import content


def invitations(
    memberships: Collection[UUID], customer_id: UUID, act_by: datetime, catalog_id: UUID
) -> Iterator[NewMessage]:
    """The mails about new memberships; one statement for their addresses."""
    about = {"customer": str(customer_id), "catalog": str(catalog_id), "act_by_date": f"{act_by:%B %d, %Y}"}
    for uuid, email in _addresses(memberships):
        yield NewMessage(f"group-invitation:{uuid}", INVITATION, email, {**about, "membership": str(uuid)})


def removals(
    memberships: Collection[UUID], customer_id: UUID, catalog_id: UUID, removed_at: datetime
) -> Iterator[NewMessage]:
    """The mails about memberships that ended at a moment; one statement for their addresses."""
    about = {"customer": str(customer_id), "catalog": str(catalog_id)}
    for uuid, email in _addresses(memberships):
        key = f"group-removal:{uuid}:{removed_at.isoformat()}"
        yield NewMessage(key, REMOVAL, email, {**about, "membership": str(uuid)})


def memberships_of(messages: Collection[OutboxMessage]) -> list[UUID]:
    """The memberships that mails are about."""
    return [UUID(message.context["membership"]) for message in messages]


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; two statements and what the count of each catalog costs."""
    customers = EnterpriseCustomer.all_objects.in_bulk({message.context["customer"] for message in messages})
    counts = _content_counts({message.context["catalog"] for message in messages})
    return {message.pk: _letter(message, customers, counts) for message in messages}


def _letter(
    message: OutboxMessage, customers: dict[UUID, EnterpriseCustomer], counts: dict[str, int | Exception]
) -> Rendered:
    customer = customers.get(UUID(message.context["customer"]))
    if customer is None:
        return "The customer does not exist any more."
    count = counts[message.context["catalog"]]
    if isinstance(count, Exception):
        return count
    return group_letter(message.message_type, customer, count, message.context.get("act_by_date", ""))


def _content_counts(catalog_ids: Collection[str]) -> dict[str, int | Exception]:
    """How much each catalog holds, or why that is not known."""
    rows = EnterpriseCustomerCatalog.objects.select_related("enterprise_catalog_query")
    catalogs = {str(catalog.pk): catalog for catalog in rows.filter(pk__in_set=list(map(UUID, catalog_ids)))}
    counts: dict[str, int | Exception] = {}
    for catalog_id in catalog_ids:
        catalog: Any = catalogs.get(catalog_id)
        try:
            if catalog is None:
                raise LookupError(f"There is no catalog {catalog_id}.")
            counts[catalog_id] = content.search(catalog, page=1, page_size=1).count
        except Exception as error:  # noqa: BLE001 - whatever a catalog service raises; told with the message
            counts[catalog_id] = error
    return counts


def _addresses(memberships: Collection[UUID]) -> Iterator[tuple[UUID, str]]:
    rows = EnterpriseGroupMembership.all_objects.filter(pk__in_set=list(memberships)).order_by("pk")
    for uuid, account, waiting in rows.values_list(
        "pk", "enterprise_customer_user__user_fk__email", "pending_enterprise_customer_user__user_email"
    ):
        yield uuid, account or waiting or ""
