"""Staff roles of students on runs: real ones, and pending ones of waiting students (contract: program-enrollments)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from config.db.sets import insert_given
from enrollments.services.course_roles import grant_staff, withdraw_staff
from program_enrollments.models import CourseAccessRoleAssignment

STAFF = CourseAccessRoleAssignment.Role.STAFF

logger = logging.getLogger(__name__)


class StudentInRun(NamedTuple):
    """A student in a run, by the id of the `ProgramCourseEnrollment`; `user_id` is None while the student waits."""

    id: int
    run_id: str
    user_id: int | None


@transaction.atomic
def set_course_staff(wanted: Mapping[StudentInRun, bool]) -> None:
    """Makes students staff of their runs, or no longer; of the same account and run the last one counts.

    Realised students gain or lose the role itself, waiting ones a pending role. What is so already stays as it is. At
    most seven statements.
    """
    accounts: dict[tuple[int, str], bool] = {}
    waiting: dict[int, bool] = {}
    for student, is_staff in wanted.items():
        if student.user_id is None:
            waiting[student.id] = is_staff
        else:
            accounts[student.user_id, student.run_id] = is_staff
    grant_staff([place for place, is_staff in accounts.items() if is_staff])
    withdraw_staff([place for place, is_staff in accounts.items() if not is_staff])
    _assign([pk for pk, is_staff in waiting.items() if is_staff])
    _unassign([pk for pk, is_staff in waiting.items() if not is_staff])


def realise_pending_roles(student_ids: Collection[int]) -> None:
    """Turns the pending roles of students in runs into real ones, once their programs' enrollments have an account.

    Pending roles of students who still wait stay. A failure is logged, not raised: then nothing has changed.

    Args:
        student_ids: ids of `ProgramCourseEnrollment`.
    """
    try:
        with transaction.atomic():
            rows = CourseAccessRoleAssignment.objects.filter(
                enrollment__in_set=student_ids, enrollment__program_enrollment__user__isnull=False
            )
            columns = ("pk", "enrollment__program_enrollment__user_id", "enrollment__course_key")
            pending = list(rows.order_by().values_list(*columns))
            grant_staff({(user_id, run_id) for _, user_id, run_id in pending})
            if pending:
                CourseAccessRoleAssignment.objects.filter(pk__in_set=[pk for pk, _, _ in pending]).delete()
    except Exception:
        logger.exception("pending course roles could not be given")


def _assign(student_ids: Collection[int]) -> None:
    now = timezone.now()
    rows = [(pk,) for pk in sorted(student_ids)]
    same = {"role": STAFF, "created": now, "modified": now}
    insert_given(CourseAccessRoleAssignment, ("enrollment",), rows, same=same)


def _unassign(student_ids: Collection[int]) -> None:
    if student_ids:
        CourseAccessRoleAssignment.objects.filter(enrollment__in_set=student_ids).delete()
