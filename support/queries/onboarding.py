"""How a learner stands with onboarding exams (contract: support, onboarding_status)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BigIntegerField, Exists, OuterRef

from config.db.reads import Given, KeptInstances, KeptStatement
from enrollments.models import CourseEnrollment, CourseOverview, User
from support.models.onboarding import PROCTORED_MODES, OnboardingStatus


@dataclass(frozen=True, slots=True)
class RunOnboarding:
    """The onboarding facts of one run, and when the learner was enrolled in it."""

    facts: OnboardingStatus
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class Onboarding:
    """How a learner stands.

    Args:
        verified_in: the newest run in which the learner has passed.
        current_status: the newest run that has an onboarding exam for the learner.
    """

    verified_in: RunOnboarding | None = None
    current_status: RunOnboarding | None = None


def proctored_runs(run_ids: Collection[str]) -> set[str]:
    """Those of the runs that have proctored exams: an onboarding exam for anybody says so. One statement."""
    exams = OnboardingStatus.objects.filter(course_id=OuterRef("pk"))
    return set(CourseOverview.objects.filter(Exists(exams), pk__in_set=run_ids).values_list("pk", flat=True))


def onboarding_of(person: User) -> Onboarding:
    """How a learner stands: active enrollments in proctored modes count, the newest first. Two statements."""
    facts = {row.course_id: row for row in _facts(user_id=person.pk)}
    newest_first = _proctored(user_id=person.pk)
    runs = [RunOnboarding(facts[run], created) for run, created in newest_first if run in facts]
    return Onboarding(
        verified_in=next((run for run in runs if run.facts.is_verified), None),
        current_status=next(iter(runs), None),
    )


_USER_ID = Given("user_id", BigIntegerField())
_facts = KeptInstances(lambda: OnboardingStatus.objects.filter(user_id=_USER_ID).order_by())
_proctored = KeptStatement(
    lambda: (
        CourseEnrollment.objects.filter(user_id=_USER_ID, is_active=True, mode__in=PROCTORED_MODES)
        .order_by("-created", "-pk")
        .values_list("course_id", "created")
    )
)
