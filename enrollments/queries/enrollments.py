"""Reads of plain enrollments, as tuples (contract: enrollment-api, GET enrollment and GET enrollments)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from config.db.keysets import KeptKeyset, Keyset, QueriedKeyset
from config.db.reads import KeyedStatement, WireTime
from config.db.replica import read_alias
from config.db.sets import InPairs
from config.hooks import hooks
from enrollments.models import CourseEnrollment, User
from enrollments.queries.course_details import RunWithModes, with_modes
from enrollments.queries.course_roles import staffed_runs


class EnrollmentRow(NamedTuple):
    """One enrollment; `created` as answers write it, `run` None when the run no longer exists."""

    created: str
    mode: str
    is_active: bool
    username: str
    run: RunWithModes | None


def enrollment_of(username: str, run_id: str) -> EnrollmentRow | None:
    """A learner's enrollment in a run, active or not; at most three statements."""
    rows = CourseEnrollment.objects.filter(user__username=username, course_id=run_id)
    found = rows.order_by().values_list(WireTime("created"), "mode", "is_active").first()
    if found is None:
        return None
    created, mode, is_active = found
    return EnrollmentRow(created, mode, is_active, username, with_modes([run_id]).get(run_id))


def _oldest_first(wanted: QuerySet[CourseEnrollment]) -> QuerySet[CourseEnrollment, Any]:
    return wanted.order_by("created", "id").values_list("course_id", WireTime("created"), "mode", "is_active")


_active_rows = KeyedStatement(
    lambda usernames: _oldest_first(CourseEnrollment.objects.filter(user__username__in_set=usernames, is_active=True))
)


def active_enrollments_of(username: str, *, caller: User | AnonymousUser, sees_all: bool) -> list[EnrollmentRow]:
    """A learner's active enrollments whose run exists, the oldest first; three statements, whatever their number.

    Args:
        sees_all: whether the caller may see all of them; otherwise those in runs of which the caller is staff.
    Hooks:
        ENROLLMENT_LIST_FILTERS: `narrow(queryset, caller=, username=) -> queryset`, before anything is read.
    """
    filters = hooks("ENROLLMENT_LIST_FILTERS")
    if sees_all and not filters:
        rows = _active_rows([username])
    else:
        wanted = CourseEnrollment.objects.filter(user__username=username, is_active=True)
        if not sees_all:
            wanted = wanted.filter(course_id__in=staffed_runs(caller))
        for narrow in filters:
            wanted = narrow(wanted, caller=caller, username=username)
        rows = list(_oldest_first(wanted))
    found = with_modes([row[0] for row in rows]) if rows else {}
    return [
        EnrollmentRow(created, mode, is_active, username, found[run_id])
        for run_id, created, mode, is_active in rows
        if run_id in found
    ]


class AnybodysEnrollment(NamedTuple):
    """One enrollment of whomever; `created` as answers write it."""

    id: int
    created: str
    mode: str
    is_active: bool
    username: str
    course_id: str


def _anybodys(wanted: QuerySet[CourseEnrollment]) -> QuerySet[CourseEnrollment, Any]:
    return wanted.values_list("id", WireTime("created"), "mode", "is_active", "user__username", "course_id")


_everybodys = KeptKeyset(lambda: _anybodys(CourseEnrollment.objects.all()), AnybodysEnrollment)


def all_enrollments(
    *,
    usernames: Sequence[str] | None = None,
    emails: Sequence[str] | None = None,
    run_ids: Sequence[Sequence[str]] = (),
) -> Keyset:
    """Enrollments, active or not, each an `AnybodysEnrollment`, for a paginator.

    Args:
        usernames, emails: of the learners, exactly as stored; None is no filter.
        run_ids: lists of run keys; an enrollment must be in a run of each.
    """
    if usernames is None and emails is None and not run_ids:
        return _everybodys.of(using=read_alias())
    wanted = CourseEnrollment.objects.using(read_alias())
    if usernames is not None:
        wanted = wanted.filter(user__username__in=usernames)
    if emails is not None:
        wanted = wanted.filter(user__in=accounts_with_emails(emails))
    for keys in run_ids:
        wanted = wanted.filter(course_id__in=keys)
    return QueriedKeyset(_anybodys(wanted), AnybodysEnrollment._make)


def accounts_with_emails(emails: Sequence[str]) -> QuerySet[User]:
    """Accounts with exactly these addresses. Comparing them in lower case says no more, but only that has an index."""
    lowered = [Lower(Value(email)) for email in emails]
    return User.objects.alias(lower_email=Lower("email")).filter(lower_email__in=lowered, email__in=emails)


def active_modes(pairs: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The modes of active enrollments, by account id and run key; one statement, none without pairs."""
    if not pairs:
        return {}
    rows = CourseEnrollment.objects.filter(InPairs("user_id", "course_id", pairs), is_active=True).order_by()
    return {(user_id, run_id): mode for user_id, run_id, mode in rows.values_list("user_id", "course_id", "mode")}
