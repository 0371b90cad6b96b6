"""Certificates of learners (contract: enterprise-learners, Plain enrollment layer)."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from config.db.sets import InPairs
from enrollments.models import GeneratedCertificate

_passing = Q(stored_is_passing=True) | Q(
    stored_is_passing__isnull=True, status__in=GeneratedCertificate.PASSING_STATUSES
)


def passed_runs(user_id: int, run_ids: Collection[str]) -> set[str]:
    """Those of the runs in which the learner has a passing certificate; one statement."""
    if not run_ids:
        return set()
    passing = GeneratedCertificate.objects.filter(_passing, user_id=user_id, course_id__in_set=run_ids)
    return set(passing.values_list("course_id", flat=True))


def passed(places: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of the places (account id, run key) where the learner has a passing certificate; one statement."""
    if not places:
        return set()
    passing = GeneratedCertificate.objects.filter(_passing, InPairs("user_id", "course_id", places))
    return set(passing.order_by().values_list("user_id", "course_id"))
