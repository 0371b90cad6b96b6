"""Roles of accounts in courses (contract: enrollment-api, Roles and permissions)."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from enrollments.models import CourseAccessRole, User

# limited_staff counts as staff.
STAFF_ROLES = ("staff", "limited_staff", "instructor")
TEAM_ROLES = (*STAFF_ROLES, "ccx_coach")
# Whoever holds one of these on a run has been made course staff.
COUNTING_AS_STAFF = ("staff", "limited_staff")


class Role(NamedTuple):
    """A role; `course_id` is blank for one on a whole organisation, `org` too for one on the whole service."""

    org: str
    course_id: str
    role: str


def roles_of(account: User, run_id: str | None = None) -> list[Role]:
    """The roles of an account, of one run only when it is named; one statement."""
    roles = CourseAccessRole.objects.filter(user=account).order_by("id")
    if run_id:
        roles = roles.filter(course_id=run_id)
    return [Role(*row) for row in roles.values_list("org", "course_id", "role")]


def staffed_runs(account: User | AnonymousUser) -> QuerySet[CourseAccessRole, Any]:
    """Keys of the runs whose staff the account is when it comes to other learners' enrollments, as a subquery.

    Roles on a whole organisation do not count here, and those of an inactive account do not either.
    """
    if not isinstance(account, User) or not account.is_active:
        return CourseAccessRole.objects.none().values("course_id")
    roles = CourseAccessRole.objects.filter(user=account, role__in=STAFF_ROLES)
    return roles.exclude(course_id="").values("course_id")


def has_staff_access(account: User, run_id: str, org: str) -> bool:
    """Global staff, or staff or instructor of the run or of its organisation."""
    if account.is_staff:
        return True
    on_run_or_org = Q(course_id=run_id) | Q(course_id="", org=org)
    return CourseAccessRole.objects.filter(on_run_or_org, user=account, role__in=STAFF_ROLES).exists()
