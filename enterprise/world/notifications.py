"""Notifications with their filters, and who has read them."""

from __future__ import annotations

from collections.abc import Sequence

from config.world import (
    ROW_ID,
    Entry,
    Load,
    Objects,
    Reference,
    Refused,
    Section,
    Shape,
    Table,
    Texts,
    columns,
    replace_links,
)
from enrollments.world.lookups import ACCOUNT
from enterprise.models import AdminNotification, AdminNotificationFilter, AdminNotificationRead
from enterprise.world.lookups import CUSTOMER, links_of

_READ = Shape(
    key=("customer", "user"),
    fields={
        "customer": Reference(CUSTOMER),
        "user": Reference(ACCOUNT),
        **columns(AdminNotificationRead, "is_read", "created", "modified"),
    },
)
_NOTIFICATION_TABLE = Table(model=AdminNotification, key=("id",))
_READ_TABLE = Table(
    model=AdminNotificationRead, key=("admin_notification_id", "enterprise_customer_user_id"), in_bulk=True
)


def _load_notifications(load: Load, entries: list[Entry]) -> None:
    for entry in entries:
        entry.values["id"] = entry.given["id"]
    _NOTIFICATION_TABLE.store(load, entries)
    _store_filters([entry for entry in entries if "filters" in entry.given])
    lists = [(entry, entry.given["read_by"]) for entry in entries if "read_by" in entry.given]
    reads = [read for _, own in lists for read in own]
    links = links_of([(read.given["customer"], read.given["user"]) for read in reads])
    for read in reads:
        link, _ = links.get((read.given["customer"], read.given["user"]), (None, False))
        if link is None:
            load.note(Refused(read.place.field("user"), "This account has no learner link with the customer."))
        read.values["enterprise_customer_user_id"] = link
        read.defaults["is_read"] = True
    load.stop_if_refused()
    _READ_TABLE.store_lists(load, lists, "admin_notification_id")


def _store_filters(entries: Sequence[Entry]) -> None:
    """The filters of each notification are those of the file; filters that are new are made."""
    names = {name for entry in entries for name in entry.given["filters"]}
    AdminNotificationFilter.objects.bulk_create(
        [AdminNotificationFilter(filter=name) for name in sorted(names)], ignore_conflicts=True
    )
    known = dict(AdminNotificationFilter.objects.filter(filter__in_set=sorted(names)).values_list("filter", "pk"))
    wanted = {entry.row.pk: [known[name] for name in entry.given["filters"]] for entry in entries}
    through = AdminNotification.filters.through
    changed = replace_links(wanted, through, "adminnotification_id", "adminnotificationfilter_id")
    for entry in entries:
        entry.changed |= entry.row.pk in changed


NOTIFICATIONS = Section(
    name="notifications",
    key=("id",),
    fields={
        "id": ROW_ID,
        **columns(
            AdminNotification, "title", "text", "is_active", "start_date", "expiration_date", "created", "modified"
        ),
        "filters": Texts(unique=True),
        "read_by": Objects(_READ),
    },
    load=_load_notifications,
)
