"""Entitlements, with what agents did with them (contract: world-format)."""

from __future__ import annotations

from collections.abc import Sequence

from config.world import (
    ROW_ID,
    Entry,
    Load,
    Lookup,
    Objects,
    Reference,
    Refused,
    Relative,
    Section,
    Shape,
    Table,
    columns,
)
from config.world.tables import BATCH
from enrollments.models import Course, CourseEnrollment
from enrollments.world.lookups import ACCOUNT, RUN
from support.models import CourseEntitlement, CourseEntitlementSupportDetail
from support.queries.entitlements import policy_for

COURSE_UUID = Lookup("course", Course, "key", gives="uuid")
NO_ENROLLMENT = "The user has no enrollment in this run."

_DETAIL = Shape(
    fields={
        "support_user": Reference(ACCOUNT, "support_user_id", null=True),
        "unenrolled_run": Reference(RUN, "unenrolled_run", null=True),
        **columns(CourseEntitlementSupportDetail, "action", "comments", "created", "modified"),
    }
)
_TABLE = Table(model=CourseEntitlement, key=("uuid",), in_bulk=True)


def _load_entitlements(load: Load, entries: list[Entry]) -> None:
    _find_enrollments(load, [entry for entry in entries if entry.given.get("enrollment") is not None])
    modes = {entry.given["mode"] for entry in entries if "mode" in entry.given}
    policies = {mode: policy_for(mode) for mode in modes}
    for entry in entries:
        if "enrollment" in entry.given and entry.given["enrollment"] is None:
            entry.values["enrollment_course_run_id"] = None
        if entry.values.get("order_number") == "":
            entry.values["order_number"] = None
        policy = policies.get(entry.given.get("mode"))
        entry.defaults["policy_id"] = policy.pk if policy else None
    _TABLE.store(load, entries)
    _replace_details([entry for entry in entries if "support_details" in entry.given])


def _find_enrollments(load: Load, entries: Sequence[Entry]) -> None:
    """Gives entries that name a run the enrollment there of the entitlement's user."""
    owners = dict(
        CourseEntitlement.objects.filter(uuid__in_set=[entry.values["uuid"] for entry in entries]).values_list(
            "uuid", "user_id"
        )
    )
    users = {id(entry): entry.given.get("user", owners.get(entry.values["uuid"])) for entry in entries}
    rows = CourseEnrollment.objects.filter(user_id__in_set={user for user in users.values() if user is not None})
    found = {(user_id, run): pk for pk, user_id, run in rows.values_list("pk", "user_id", "course_id")}
    for entry in entries:
        place = (users[id(entry)], entry.given["enrollment"])
        if place not in found:
            load.note(Refused(entry.place.field("enrollment"), NO_ENROLLMENT))
            continue
        entry.values["enrollment_course_run_id"] = found[place]
    load.stop_if_refused()


def _replace_details(entries: Sequence[Entry]) -> None:
    """Details have no natural key: a list that differs in anything replaces the stored one."""
    stored: dict[int, list[CourseEntitlementSupportDetail]] = {entry.row.pk: [] for entry in entries}
    rows = CourseEntitlementSupportDetail.objects.filter(entitlement__in_set=list(stored)).order_by("pk")
    for row in rows:
        stored[row.entitlement_id].append(row)
    differing = [entry for entry in entries if not _same(entry.given["support_details"], stored[entry.row.pk])]
    for entry in differing:
        entry.changed = True
    CourseEntitlementSupportDetail.objects.filter(entitlement__in_set=[entry.row.pk for entry in differing]).delete()
    new = [
        CourseEntitlementSupportDetail(
            entitlement_id=entry.row.pk,
            **{name: v.moment if isinstance(v, Relative) else v for name, v in detail.values.items()},
        )
        for entry in differing
        for detail in entry.given["support_details"]
    ]
    CourseEntitlementSupportDetail.objects.bulk_create(new, batch_size=BATCH)


def _same(details: Sequence[Entry], rows: Sequence[CourseEntitlementSupportDetail]) -> bool:
    return len(details) == len(rows) and all(
        isinstance(value, Relative) or getattr(row, name) == value
        for detail, row in zip(details, rows, strict=True)
        for name, value in detail.values.items()
    )


ENTITLEMENTS = Section(
    name="entitlements",
    key=("uuid",),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        "course": Reference(COURSE_UUID, "course_uuid"),
        "enrollment": Reference(RUN, null=True),
        **columns(
            CourseEntitlement, "uuid", "mode", "order_number", "expired_at", "refund_locked", "created", "modified"
        ),
        "support_details": Objects(_DETAIL),
    },
    load=_load_entitlements,
)
