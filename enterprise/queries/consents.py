"""How enterprise enrollments stand with the consent to share data (contract: enterprise-learners, Data model)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from config.db.sets import InPairs
from enrollments.models import CourseOverview
from enterprise.models import DataSharingConsent, EnterpriseCourseEnrollment
from enterprise.queries.content import content_in_catalogs, course_key_of


class ConsentStanding(NamedTuple):
    """What a learner answered for the run of an enterprise enrollment.

    Args:
        record_id: of the record for the run itself; None: there is none.
        granted: the answer for the run, else for its course; None: not answered.
    """

    enrollment_id: int
    link_id: int
    customer_id: UUID
    username: str
    run_key: str
    course_key: str
    record_id: int | None
    granted: bool | None


def standings(enrollments: Collection[int]) -> list[ConsentStanding]:
    """How enterprise enrollments of linked learners with an account stand, by id. At most three statements.

    Args:
        enrollments: their ids, of any customers.
    """
    with_account = EnterpriseCourseEnrollment.objects.filter(
        pk__in_set=enrollments, enterprise_customer_user__user_fk__isnull=False
    )
    columns = (
        "pk", "enterprise_customer_user_id", "enterprise_customer_id", "enterprise_customer_user__user_fk__username",
        "course_id",
    )  # fmt: skip
    rows = list(with_account.order_by("pk").values_list(*columns))
    if not rows:
        return []
    courses = _courses({row[4] for row in rows})
    names = {(name, key) for _, _, _, name, run_key in rows for key in (run_key, courses[run_key])}
    records = DataSharingConsent.objects.filter(
        InPairs("username", "course_id", names), enterprise_customer__uuid__in_set={row[2] for row in rows}
    )
    answers = {
        (customer_id, name, key): (pk, granted)
        for pk, customer_id, name, key, granted in records.order_by().values_list(
            "pk", "enterprise_customer_id", "username", "course_id", "granted"
        )
    }
    found = []
    for enrollment_id, link_id, customer_id, name, run_key in rows:
        course_key = courses[run_key]
        record_id, granted = answers.get((customer_id, name, run_key), (None, None))
        if record_id is None:
            _, granted = answers.get((customer_id, name, course_key), (None, None))
        found.append(
            ConsentStanding(enrollment_id, link_id, customer_id, name, run_key, course_key, record_id, granted)
        )
    return found


def still_required(
    answers: Iterable[tuple[UUID, str, bool | None]], consent_wanted: Mapping[UUID, bool]
) -> set[tuple[UUID, str]]:
    """The places where an answer that is not yes leaves a consent required. Three statements, or none without such.

    Contract: enterprise-learners, DataSharingConsent.

    Args:
        answers: customer, key of the course or run, and what was answered.
        consent_wanted: for each customer, whether it asks for consent at enrollment.
    Returns:
        (customer, key) pairs.
    """
    undecided = {(customer, key) for customer, key, granted in answers if not granted and consent_wanted.get(customer)}
    if not undecided:
        return set()
    return undecided & content_in_catalogs({each for each, _ in undecided}, {key for _, key in undecided})


def _courses(runs: Collection[str]) -> dict[str, str]:
    """The key of each run's course; from the run's own key when the course is not stored."""
    stored = CourseOverview.objects.filter(pk__in_set=runs, course__isnull=False).values_list("pk", "course__key")
    return {key: course_key_of(key) for key in runs} | dict(stored)
