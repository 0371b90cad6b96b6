"""Plain enrollments set back to how they once were, in sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from config.db.sets import InPairs, record_history, update_from
from enrollments.models import CourseEnrollment
from enrollments.services.bulk import lock_accounts, tell
from enrollments.signals import EnrollmentChange

LearnerRun = tuple[int, str]  # account id, run key


class State(NamedTuple):
    """Mode and activity of an enrollment."""

    mode: str
    is_active: bool


class Restored(NamedTuple):
    """What was changed, and how many of the enrollments do not exist."""

    changes: list[EnrollmentChange]
    unknown: int


def restore(
    states: Mapping[LearnerRun, State], *, user_id: int | None = None, reason: str | None = None, dry_run: bool = False
) -> Restored:
    """Gives enrollments the mode and activity they had, inside the caller's transaction; no learner is mailed.

    Whatever else decides on enrollments (seats, windows, modes on offer) does not count. A fixed number of statements.

    Args:
        states: what is to be; enrollments that are like this are left alone, those that do not exist are not made.
        user_id, reason: who makes the change, and why, for the history.
        dry_run: change nothing, and answer what would be changed.
    """
    accounts = lock_accounts({account_id for account_id, _ in states})
    rows = CourseEnrollment.objects.filter(InPairs("user_id", "course_id", set(states)))
    locked = rows.order_by("user_id", "course_id").select_for_update(no_key=True, of=("self",))
    changes, found = [], 0
    for pk, account_id, run_key, mode, is_active in locked.values_list(
        "id", "user_id", "course_id", "mode", "is_active"
    ):
        found += 1
        wanted = states[account_id, run_key]
        if (mode, is_active) != wanted:
            changes.append(
                EnrollmentChange(
                    pk,
                    account_id,
                    run_key,
                    wanted.mode,
                    wanted.is_active,
                    activated=wanted.is_active and not is_active,
                    deactivated=is_active and not wanted.is_active,
                    mode_changed=mode != wanted.mode,
                )
            )
    if changes and not dry_run:
        columns = ("id", "mode", "is_active")
        update_from(CourseEnrollment, columns, [(each.enrollment_id, each.mode, each.is_active) for each in changes])
        ids = [each.enrollment_id for each in changes]
        record_history(CourseEnrollment, ids, "~", user_id=user_id, reason=reason)
        tell(changes, "", accounts, by_mail=False)
    return Restored(changes, len(states) - found)
