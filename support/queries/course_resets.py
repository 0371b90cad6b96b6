"""Which courses of a learner can be reset, and how far resets are (contract: support, course_reset)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from enrollments.models import CourseEnrollment, CourseGrade, CourseOverview, User, UserRetirementStatus
from support.models import CourseResetAudit, CourseResetCourseOptIn
from support.queries.people import find_person

NOT_STARTED = "Course Not Started"
ENDED = "Course Ended"
PASSED = "Learner Has Passing Grade"
AVAILABLE = "Available"


@dataclass(frozen=True, slots=True)
class ResettableCourse:
    """A course of a learner in which resets are offered.

    Args:
        status: why it can or cannot be reset, or how far the latest reset is.
        comment: of the latest reset; empty without one.
    """

    run: CourseOverview
    can_reset: bool
    status: str
    comment: str


def resettable_person(username_or_email: str) -> User | None:
    """The account that is meant; None for nobody, and for one found by user name whose retirement was asked for."""
    person = find_person(username_or_email)
    if person is None or person.username != username_or_email:
        return person
    return None if UserRetirementStatus.objects.filter(user=person).exists() else person


def courses_of(learner: User) -> list[ResettableCourse]:
    """The courses in which the learner is active and resets are offered, ordered by key; four statements at most."""
    offered = CourseResetCourseOptIn.objects.filter(active=True).values("course_id")
    enrollments = CourseEnrollment.objects.filter(user=learner, is_active=True, course_id__in=offered)
    return with_standing(list(enrollments.order_by()))


def with_standing(enrollments: Sequence[CourseEnrollment]) -> list[ResettableCourse]:
    """How a learner's enrollments stand, ordered by run; those in runs that are gone are left out. Three statements."""
    if not enrollments:
        return []
    runs = CourseOverview.objects.in_bulk([enrollment.course_id for enrollment in enrollments])
    passing = CourseGrade.objects.filter(
        user_id=enrollments[0].user_id, course_id__in_set=list(runs), passed=True, error__isnull=True
    )
    passed = set(passing.order_by().values_list("course_id", flat=True))
    audits = CourseResetAudit.objects.filter(course_enrollment__in_set=[enrollment.pk for enrollment in enrollments])
    latest = {
        audit.course_enrollment_id: audit for audit in audits.select_related("reset_by").order_by("modified", "pk")
    }
    moment = timezone.now()
    return [
        _standing(runs[enrollment.course_id], enrollment.course_id in passed, latest.get(enrollment.pk), moment)
        for enrollment in sorted(enrollments, key=lambda enrollment: enrollment.course_id)
        if enrollment.course_id in runs
    ]


def _standing(
    run: CourseOverview, has_passed: bool, audit: CourseResetAudit | None, moment: datetime
) -> ResettableCourse:
    comment = audit.comment if audit is not None else ""
    # As everywhere: a run without a start has not started, one without an end does not end.
    if run.start is None or run.start > moment:
        return ResettableCourse(run, False, NOT_STARTED, comment)
    if run.end is not None and run.end < moment:
        return ResettableCourse(run, False, ENDED, comment)
    if has_passed:
        return ResettableCourse(run, False, PASSED, comment)
    if audit is None:
        return ResettableCourse(run, True, AVAILABLE, comment)
    return ResettableCourse(run, audit.status == CourseResetAudit.Status.FAILED, audit.message, comment)
