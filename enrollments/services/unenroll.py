"""Ending all enrollments of a learner who asked to be forgotten (contract: enrollment-api, POST unenroll)."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from config.api.exceptions import Refusal
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseEnrollment, CourseOverview, User, UserRetirementStatus
from enrollments.services.enroll import Movement, locked_account, store


def unenroll_retiring(username: str) -> list[str] | None:
    """Deactivates every enrollment of the learner whose retirement was asked for under this name.

    Returns:
        The organisations of all their enrollments, each once; None when nothing was active in an existing run.
    Raises:
        Refusal: 404, no retirement of that name; 409, it is not at work in a step that unenrolls.
    """
    with transaction.atomic():
        statuses = UserRetirementStatus.objects.select_related("current_state").filter(original_username=username)
        status = statuses.order_by("id").first()
        if status is None:
            raise Refusal("No retirement request status for username.", status=404)
        state = status.current_state
        if state.required or state.state_name.endswith("_COMPLETE"):
            raise Refusal(f"The retirement is in state {state.state_name}, which is not a working state.", status=409)
        learner = locked_account(pk=status.user_id)
        if learner is None or not _is_enrolled(learner):
            return None
        enrollments = list(CourseEnrollment.objects.filter(user=learner))
        deactivate_all(learner, enrollments)
    return _orgs(enrollment.course_id for enrollment in enrollments)


def deactivate_all(learner: User, enrollments: Iterable[CourseEnrollment]) -> None:
    """Deactivates these enrollments of a learner whose account is locked, with the effects of each."""
    movements = [Movement(learner, enrollment) for enrollment in enrollments]
    for movement in movements:
        movement.update(is_active=False)
    store(movements)


def _is_enrolled(learner: User) -> bool:
    active = CourseEnrollment.objects.filter(user=learner, is_active=True)
    return active.filter(course_id__in=CourseOverview.objects.values("pk")).exists()


def _orgs(run_ids: Iterable[str]) -> list[str]:
    orgs: dict[str, None] = {}
    for run_id in run_ids:
        try:
            orgs[CourseKey.parse(run_id).org] = None
        except InvalidCourseKey:
            continue
    return list(orgs)
