"""Certificates of learners (contract: enterprise-learners, Plain enrollment layer)."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from config.db import sets  # noqa: F401  (registers the look-up `in_set`)
from enrollments.models import GeneratedCertificate


def passed_runs(user_id: int, run_ids: Collection[str]) -> set[str]:
    """Those of the runs in which the learner has a passing certificate; one statement."""
    if not run_ids:
        return set()
    by_status = Q(stored_is_passing__isnull=True, status__in=GeneratedCertificate.PASSING_STATUSES)
    passing = GeneratedCertificate.objects.filter(Q(stored_is_passing=True) | by_status)
    return set(passing.filter(user_id=user_id, course_id__in_set=run_ids).values_list("course_id", flat=True))
