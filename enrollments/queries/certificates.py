"""Certificates of learners (contract: enterprise-learners, Plain enrollment layer)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.db.models import BigIntegerField, Q

from config.db.reads import Given, KeyedStatement
from config.db.sets import InPairs
from enrollments.models import CourseGrade, GeneratedCertificate


class GradedCertificate(NamedTuple):
    """A certificate beside the learner's grade in its run, None where no grade can be read."""

    certificate: GeneratedCertificate
    percent: float | None


_passing = Q(stored_is_passing=True) | Q(
    stored_is_passing__isnull=True, status__in=GeneratedCertificate.PASSING_STATUSES
)


def passed_runs(user_id: int, run_ids: Collection[str]) -> set[str]:
    """Those of the runs in which the learner has a passing certificate; one statement."""
    return {run_id for (run_id,) in _passed_rows(run_ids, user_id=user_id)}


_passed_rows = KeyedStatement(
    lambda run_ids: (
        GeneratedCertificate.objects.filter(
            _passing, user_id=Given("user_id", BigIntegerField()), course_id__in_set=run_ids
        )
        .order_by()
        .values_list("course_id")
    )
)


def passed(places: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of the places (account id, run key) where the learner has a passing certificate; one statement."""
    if not places:
        return set()
    passing = GeneratedCertificate.objects.filter(_passing, InPairs("user_id", "course_id", places))
    return set(passing.order_by().values_list("user_id", "course_id"))


def of_learner(user_id: int, run_id: str | None = None) -> list[GradedCertificate]:
    """The learner's certificates, or the one of a run, ordered by run; two statements (contract: support 4.2)."""
    certificates = GeneratedCertificate.objects.filter(user_id=user_id)
    grades = CourseGrade.objects.filter(user_id=user_id, error__isnull=True)
    if run_id is not None:
        certificates, grades = certificates.filter(course_id=run_id), grades.filter(course_id=run_id)
    percents = dict(grades.order_by().values_list("course_id", "percent"))
    found = sorted(certificates.order_by(), key=lambda certificate: certificate.course_id)
    return [GradedCertificate(certificate, percents.get(certificate.course_id)) for certificate in found]


def has_passing_grade(user_id: int, run_id: str) -> bool:
    """Whether a grade of the learner in the run is stored that can be read and is a pass."""
    grades = CourseGrade.objects.filter(user_id=user_id, course_id=run_id, passed=True, error__isnull=True)
    return grades.exists()
