"""Cohorts of a run (contract: enrollment-api, Other entities and POST enrollment step 17)."""

from __future__ import annotations

from typing import Any

from enrollments.models import Cohort, CohortMembership, User
from enrollments.services import tracking
from enrollments.services.tracking import Line


class UnknownCohort(Exception):
    """The run has no cohort of that name."""


def join(learner: User, run_id: str, name: Any) -> Cohort:
    """Puts a learner, whose account is locked, into a cohort of a run and out of any other; in it already is fine.

    Args:
        name: of the cohort, as a caller sent it; what is no text names no cohort.
    Raises:
        UnknownCohort: see there; nothing has changed.
    """
    cohort = Cohort.objects.filter(course_id=run_id, name=name).first() if isinstance(name, str) else None
    if cohort is None:
        raise UnknownCohort
    membership = CohortMembership.objects.select_related("cohort").filter(user=learner, course_id=run_id).first()
    previous = membership.cohort if membership else None
    if previous == cohort:
        return cohort
    if membership is None:
        CohortMembership.objects.create(cohort=cohort, user=learner, course_id=run_id)
    else:
        membership.cohort = cohort
        membership.save(update_fields=["cohort"])
    about = {
        "user_id": learner.pk,
        "course_id": run_id,
        "cohort_id": cohort.pk,
        "cohort_name": cohort.name,
        "previous_cohort_id": previous.pk if previous else None,
        "previous_cohort_name": previous.name if previous else None,
    }
    tracking.emit([Line("edx.cohort.user_add_requested", about)])
    return cohort
