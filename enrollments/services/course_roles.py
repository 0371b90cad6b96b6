"""Roles on runs are given and taken here, in sets (contract: program-enrollments, course_staff)."""

from __future__ import annotations

from collections.abc import Collection

from config.db.sets import InPairs, insert_given
from enrollments.models import CourseAccessRole, CourseOverview, User
from enrollments.queries.course_roles import COUNTING_AS_STAFF

STAFF = "staff"


def grant_staff(pairs: Collection[tuple[int, str]]) -> None:
    """Makes accounts staff of runs. Nothing happens to those who are already, nor for inactive accounts.

    Four statements at most, whatever the number of pairs.

    Args:
        pairs: account id and run key; of a run that does not exist nobody becomes staff.
    """
    if not pairs:
        return
    accounts = {account_id for account_id, _ in pairs}
    active = set(User.objects.filter(pk__in_set=accounts, is_active=True).order_by().values_list("pk", flat=True))
    roles = CourseAccessRole.objects.filter(InPairs("user_id", "course_id", pairs), role__in=COUNTING_AS_STAFF)
    held = set(roles.order_by().values_list("user_id", "course_id"))
    runs = CourseOverview.objects.filter(pk__in_set={run_id for _, run_id in pairs})
    orgs = dict(runs.order_by().values_list("pk", "org"))
    rows = [
        (account_id, run_id, orgs[run_id])
        for account_id, run_id in sorted(set(pairs) - held)
        if account_id in active and run_id in orgs
    ]
    insert_given(CourseAccessRole, ("user", "course_id", "org"), rows, same={"role": STAFF})


def withdraw_staff(pairs: Collection[tuple[int, str]]) -> None:
    """Takes the staff role on runs from accounts, whoever gave it; other roles stay. One statement.

    Args:
        pairs: account id and run key.
    """
    if pairs:
        CourseAccessRole.objects.filter(InPairs("user_id", "course_id", pairs), role=STAFF).delete()
