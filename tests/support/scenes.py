"""What tests of the support desk set up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from enrollments.models import CourseEnrollment, CourseOverview, User
from tests.factories import CourseEnrollmentFactory, CourseRunFactory, UserFactory

DAY = timedelta(days=1)


def ago(days: float) -> datetime:
    """A moment some days back."""
    return timezone.now() - days * DAY


def run_with(*modes: str, **fields: Any) -> CourseOverview:
    """A run of a course, with these modes."""
    run: CourseOverview = CourseRunFactory(modes=list(modes), **fields)
    return run


def enrolled(run: CourseOverview, learner: User | None = None, **fields: Any) -> CourseEnrollment:
    """A learner's enrollment in a run."""
    enrollment: CourseEnrollment = CourseEnrollmentFactory(user=learner or UserFactory(), course_id=run.pk, **fields)
    return enrollment
