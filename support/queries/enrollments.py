"""Enrollments of a learner as agents see them (contract: support, GET enrollment).

Everything is read at once for all enrollments: the number of statements does not depend on theirs.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from config.db.reads import KeyedStatement, WireTime
from enrollments.models import (
    CourseEnrollment,
    CourseEnrollmentAttribute,
    ManualEnrollmentAudit,
    User,
    VerificationDeadline,
)
from enrollments.queries.course_details import Run, with_modes
from enrollments.queries.course_modes import VERIFIED, Mode, offered
from enterprise.queries.course_enrollments import DeskEnrollment, for_user_runs
from support.queries.people import find_person

logger = logging.getLogger(__name__)

ORDER = "order"
ORDER_NUMBER, SOURCE_SYSTEM = "order_number", "source_system"


class Audit(NamedTuple):
    """Who changed an enrollment by hand last, when (as answers write it) and why."""

    enrolled_by: str | None
    time_stamp: str
    reason: str | None


@dataclass(slots=True)
class LearnerEnrollment:
    """An enrollment with all that agents are shown of it; moments as answers write them.

    `modes` are all that the run offers, expired ones and credit too, never none. `verified` is that mode of the run.
    """

    username: str
    created: str
    mode: str
    is_active: bool
    run: Run
    modes: list[Mode]
    verified: Mode | None
    verification_deadline: str | None = None
    order_number: str = ""
    source_system: str = ""
    audit: Audit | None = None
    enterprise: list[DeskEnrollment] = field(default_factory=list)


def enrollments_of(username_or_email: str) -> list[LearnerEnrollment]:
    """All enrollments of the person, active or not, the oldest first; none when there is no such person.

    Eight statements, one more where runs have a verified mode, and three of the catalogs while a consent is open.
    Enrollments whose run is gone are left out, with a warning in the log.
    """
    person = find_person(username_or_email)
    return [] if person is None else _of(person)


def _of(learner: User) -> list[LearnerEnrollment]:
    stored = _enrollments([learner.pk])
    if not stored:
        return []
    runs = with_modes([row[1] for row in stored])
    gone = [run_id for _, run_id, *_ in stored if run_id not in runs]
    if gone:
        logger.warning("%s has enrollments in runs that do not exist: %s", learner.username, ", ".join(gone))
    found: dict[int, LearnerEnrollment] = {}
    for pk, run_id, created, mode, is_active in stored:
        if run_id in runs:
            run, modes = runs[run_id]
            verified = next((each for each in modes if each.slug == VERIFIED), None)
            listed = offered(modes, include_expired=True)
            found[pk] = LearnerEnrollment(learner.username, created, mode, is_active, run, listed, verified)
    _add_deadlines(found.values())
    _add_orders(found)
    _add_audits(found)
    _add_enterprise(learner, found.values())
    return list(found.values())


def _add_deadlines(enrollments: Collection[LearnerEnrollment]) -> None:
    """Until when identities must be verified, in runs with a verified mode."""
    runs = {each.run.id for each in enrollments if each.verified}
    if not runs:
        return
    deadlines: dict[str, str] = dict(_deadlines(runs))
    for each in enrollments:
        each.verification_deadline = deadlines.get(each.run.id) if each.verified else None


def _add_orders(enrollments: dict[int, LearnerEnrollment]) -> None:
    """The last order number and the first system that is said to be the source."""
    values: dict[tuple[int, str], list[str]] = defaultdict(list)
    for pk, name, value in _orders(enrollments):
        values[pk, name].append(value)
    for (pk, name), given in values.items():
        enrollment = enrollments[pk]
        if name == SOURCE_SYSTEM:
            enrollment.source_system = given[0]
            continue
        enrollment.order_number = given[-1]
        if len(given) > 1:
            logger.warning("%s has several order numbers in %s", enrollment.username, enrollment.run.id)


def _add_audits(enrollments: dict[int, LearnerEnrollment]) -> None:
    """The latest manual audit of each."""
    for pk, *audit in _audits(enrollments):
        enrollments[pk].audit = Audit(*audit)


def _add_enterprise(learner: User, enrollments: Collection[LearnerEnrollment]) -> None:
    """The enterprise enrollments in each run."""
    by_run = {each.run.id: each for each in enrollments}
    for row in for_user_runs(learner.pk, learner.username, by_run):
        by_run[row.course_id].enterprise.append(row)


_enrollments = KeyedStatement(
    lambda learners: (
        CourseEnrollment.objects.filter(user__in_set=learners)
        .order_by("created", "id")
        .values_list("pk", "course_id", WireTime("created"), "mode", "is_active")
    )
)
_deadlines = KeyedStatement(
    lambda run_ids: (
        VerificationDeadline.objects.filter(course_id__in_set=run_ids)
        .order_by()
        .values_list("course_id", WireTime("deadline"))
    )
)
_orders = KeyedStatement(
    lambda enrollments: (
        CourseEnrollmentAttribute.objects.filter(
            enrollment__in_set=enrollments, namespace=ORDER, name__in=(ORDER_NUMBER, SOURCE_SYSTEM)
        )
        .order_by("id")
        .values_list("enrollment_id", "name", "value")
    )
)


def _latest_audits(enrollments: list[int]) -> QuerySet[ManualEnrollmentAudit, Any]:
    newest_first = Window(RowNumber(), partition_by="enrollment_id", order_by=[F("time_stamp").desc(), F("pk").desc()])
    audits = ManualEnrollmentAudit.objects.filter(enrollment__in_set=enrollments).alias(place=newest_first)
    columns = ("enrollment_id", "enrolled_by__email", WireTime("time_stamp"), "reason")
    return audits.filter(place=1).order_by().values_list(*columns)


_audits = KeyedStatement(_latest_audits)
