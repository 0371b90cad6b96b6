"""Runs in which learners may be reset, and who was (contract: world-format)."""

from __future__ import annotations

from collections.abc import Sequence

from config.world import ROW_ID, Column, Entry, Load, Objects, Reference, Refused, Section, Shape, Table, columns
from enrollments.models import CourseEnrollment
from enrollments.world.lookups import ACCOUNT, RUN
from support.models import CourseResetAudit, CourseResetCourseOptIn

NO_ENROLLMENT = "The user has no enrollment in this run."

_AUDIT = Shape(
    fields={
        "user": Reference(ACCOUNT),
        "reset_by": Reference(ACCOUNT, "reset_by_id", null=True),
        "comment": Column(CourseResetAudit._meta.get_field("comment"), "comment"),
        **columns(CourseResetAudit, "created", "modified", "status", "completed_at"),
    },
    key=("user", "created"),
)
_TABLE = Table(model=CourseResetCourseOptIn, key=("course_id",), in_bulk=True)
_AUDIT_TABLE = Table(
    model=CourseResetAudit, key=("course_id", "course_enrollment_id", "created"), find_by="course_id", in_bulk=True
)


def _load_resets(load: Load, entries: list[Entry]) -> None:
    for entry in entries:
        entry.defaults["active"] = True
    _TABLE.store(load, entries)
    lists = [(entry, entry.given["audits"]) for entry in entries if "audits" in entry.given]
    _find_enrollments(load, lists)
    _AUDIT_TABLE.store_lists(load, lists, "course_id")


def _find_enrollments(load: Load, lists: Sequence[tuple[Entry, Sequence[Entry]]]) -> None:
    """Gives each audit the enrollment of its user in the run."""
    learners = {audit.given["user"] for _, audits in lists for audit in audits}
    rows = CourseEnrollment.objects.filter(user_id__in_set=learners)
    found = {(user_id, run): pk for pk, user_id, run in rows.values_list("pk", "user_id", "course_id")}
    for entry, audits in lists:
        for audit in audits:
            place = (audit.given["user"], entry.values["course_id"])
            if place not in found:
                load.note(Refused(audit.place.field("user"), NO_ENROLLMENT))
                continue
            audit.values["course_enrollment_id"] = found[place]
    load.stop_if_refused()


COURSE_RESETS = Section(
    name="course_resets",
    key=("course_run",),
    fields={
        "id": ROW_ID,
        "course_run": Reference(RUN, "course_id"),
        **columns(CourseResetCourseOptIn, "active", "created", "modified"),
        "audits": Objects(_AUDIT),
    },
    load=_load_resets,
)
