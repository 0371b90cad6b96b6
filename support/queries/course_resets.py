"""Which courses of a learner can be reset, and how far resets are (contract: support, course_reset)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Exists, OuterRef, QuerySet
from django.utils import timezone

from config.db.reads import Given, KeptStatement, KeyedStatement
from enrollments.models import CourseEnrollment, CourseGrade, CourseOverview, User, UserRetirementStatus
from enrollments.models.courses import run_name
from support.models import CourseResetAudit, CourseResetCourseOptIn
from support.models.course_resets import reset_message
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

    run: Run
    can_reset: bool
    status: str
    comment: str


class Run(NamedTuple):
    """What resets ask of a run."""

    pk: str
    display_name: str | None
    start: datetime | None
    end: datetime | None

    @property
    def name(self) -> str:
        """As `CourseOverview.name`."""
        return run_name(self.pk, self.display_name)


class Audit(NamedTuple):
    """What resets ask of a try to reset."""

    comment: str
    status: str
    created: datetime
    modified: datetime
    completed_at: datetime | None
    agent: str | None

    @property
    def message(self) -> str:
        """As `CourseResetAudit.message`."""
        return reset_message(self.status, self.created, self.modified, self.completed_at, self.agent)


def resettable_person(username_or_email: str) -> User | None:
    """The account that is meant; None for nobody, and for one found by user name whose retirement was asked for."""
    person = find_person(username_or_email)
    if person is None or person.username != username_or_email:
        return person
    return None if _retirements(user_id=person.pk) else person


def courses_of(learner: User) -> list[ResettableCourse]:
    """The courses in which the learner is active and resets are offered, ordered by key; three statements at most.

    Those whose runs are gone are left out.
    """
    enrolled = {
        run_id: (enrollment_id, has_passed) for enrollment_id, run_id, has_passed in _offered(user_id=learner.pk)
    }
    if not enrolled:
        return []
    runs = sorted(map(Run._make, _runs(enrolled)))
    latest = {
        enrollment_id: Audit._make(audit) for enrollment_id, *audit in _audits([pk for pk, _ in enrolled.values()])
    }
    moment = timezone.now()
    return [_standing(run, enrolled[run.pk][1], latest.get(enrolled[run.pk][0]), moment) for run in runs]


def _standing(run: Run, has_passed: bool, audit: Audit | None, moment: datetime) -> ResettableCourse:
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


_USER_ID = Given("user_id", BigIntegerField())
_retirements = KeptStatement(lambda: UserRetirementStatus.objects.filter(user_id=_USER_ID).values_list("pk"))


def _offered_rows() -> QuerySet[CourseEnrollment, Any]:
    """A learner's active enrollments where resets are offered, and whether they have passed there."""
    grades = CourseGrade.objects.filter(
        user_id=OuterRef("user_id"), course_id=OuterRef("course_id"), passed=True, error__isnull=True
    )
    offered = CourseResetCourseOptIn.objects.filter(active=True).values("course_id")
    enrollments = CourseEnrollment.objects.filter(user_id=_USER_ID, is_active=True, course_id__in=offered)
    return enrollments.order_by().values_list("pk", "course_id", Exists(grades))


_offered = KeptStatement(_offered_rows)
_runs = KeyedStatement(
    lambda run_ids: CourseOverview.objects.filter(pk__in_set=run_ids).order_by().values_list("pk", *Run._fields[1:])
)
_audits = KeyedStatement(
    lambda enrollments: (
        CourseResetAudit.objects.filter(course_enrollment__in_set=enrollments)
        .order_by("modified", "pk")
        .values_list("course_enrollment_id", *Audit._fields[:-1], "reset_by__username")
    )
)
