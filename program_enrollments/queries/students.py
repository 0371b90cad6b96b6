"""Students of programs, found by the key that a partner gave them or by their account.

Contract: program-enrollments, Reading by student. Keys are stored as first written and compared ignoring case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from enterprise.queries.emails import with_emails
from program_enrollments.models import ProgramEnrollment


def with_keys(rows: QuerySet[ProgramEnrollment], keys: Iterable[str]) -> QuerySet[ProgramEnrollment]:
    """The rows with one of these keys, ignoring case; each has its key in lower case as `lowered`."""
    return with_emails(rows, "external_user_key", keys)


def students(
    *,
    user_id: int | None = None,
    key: str | None = None,
    programs: Collection[UUID] | None = None,
    curricula: Collection[UUID] | None = None,
    statuses: Collection[str] | None = None,
    is_realised: bool | None = None,
) -> QuerySet[ProgramEnrollment]:
    """The enrollments in programs of one student, the oldest first.

    Args:
        user_id, key: whom; at least one of them. Given both, both must fit.
        programs, curricula, statuses: only these; None is no filter.
        is_realised: only those with an account, or only those that wait; None is no filter.
    Raises:
        ValueError: neither account nor key is given.
    """
    if user_id is None and key is None:
        raise ValueError("a student is named by an account, by a key, or by both")
    rows = ProgramEnrollment.objects.order_by("pk")
    if user_id is not None:
        rows = rows.filter(user=user_id)
    if key is not None:
        rows = rows.alias(lowered=Lower("external_user_key")).filter(lowered=Lower(Value(key)))
    if programs is not None:
        rows = rows.filter(program_uuid__in_set=programs)
    if curricula is not None:
        rows = rows.filter(curriculum_uuid__in_set=curricula)
    if statuses is not None:
        rows = rows.filter(status__in=statuses)
    if is_realised is not None:
        rows = rows.filter(user__isnull=not is_realised)
    return rows
