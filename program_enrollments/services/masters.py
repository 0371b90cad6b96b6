"""Plain enrollments of a program's students: the masters track (contract: program-enrollments, Create, realised PE).

Everything is done in sets: the number of statements does not depend on how many students there are. Accounts are locked
here, in the order of all writers; whoever also locks students of programs locks their accounts before these.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import transaction

from config.api.exceptions import Refusal
from config.db.sets import InPairs
from enrollments.models import CourseEnrollment, CourseOverview, User
from enrollments.services.enroll import Movement, admit, store
from program_enrollments.models import ProgramCourseEnrollment

ORIGIN = "program_enrollments"
MASTERS = "masters"
REPLACED = ("audit", "honor")
ACTIVE = ProgramCourseEnrollment.Status.ACTIVE

Place = tuple[int, str]  # account id, run key

logger = logging.getLogger(__name__)


class NonExistentCourseError(Exception):
    """The run is not in the catalogue."""


class Wanted(NamedTuple):
    """A student who is to be in the masters track of a run, with the status there: `active` or `inactive`."""

    user_id: int
    run_id: str
    status: str


@dataclass
class Placed:
    """The plain enrollments that there are now, and why others could not be made, both by account id and run key."""

    enrollments: dict[Place, CourseEnrollment] = field(default_factory=dict)
    failures: dict[Place, Exception] = field(default_factory=dict)


def put_in_masters_track(wanted: Sequence[Wanted]) -> Placed:
    """Brings students into the masters track of runs and says which plain enrollments these are.

    Who is not active in the run becomes active in it; audit and honor become masters; an active enrollment of another
    mode stays as it is. Then an enrollment in masters mode is deactivated where the status is `inactive`. Neither
    access nor deadlines nor seats are asked about, nor whether the run offers the mode. Repeated places are worked
    through in their order.

    Returns:
        `enrollments` and `failures`. A place fails alone, with nothing written for it: NonExistentCourseError;
        User.DoesNotExist; Refusal, a hook of PRE_ENROLL_CHECKS says no.
    """
    placed = Placed()
    if wanted:
        with transaction.atomic():
            _place(wanted, placed)
    return placed


def follow_statuses(statuses: Mapping[int, str]) -> None:
    """Makes plain enrollments active or inactive, as students are in their runs; modes stay.

    Args:
        statuses: by the id of the plain enrollment, `active` or `inactive`.
    """
    if not statuses:
        return
    rows = CourseEnrollment.objects.filter(pk__in_set=statuses).order_by("user_id", "course_id")
    with transaction.atomic():
        learners = _locked_learners(rows.order_by().values_list("user_id", flat=True))
        movements = [Movement(learners[row.user_id], row) for row in rows.all() if row.user_id in learners]
        for movement in movements:
            movement.update(is_active=statuses[movement.enrollment.pk] == ACTIVE)
        store(movements, origin=ORIGIN)


def _place(wanted: Sequence[Wanted], placed: Placed) -> None:
    learners = _locked_learners({each.user_id for each in wanted})
    current = _enrollments({(each.user_id, each.run_id) for each in wanted})
    runs = CourseOverview.objects.filter(pk__in_set={each.run_id for each in wanted})
    known = set(runs.order_by().values_list("pk", flat=True))
    movements: dict[Place, Movement] = {}
    for each in wanted:
        place = (each.user_id, each.run_id)
        try:
            if each.run_id not in known:
                raise NonExistentCourseError
            if each.user_id not in learners:
                raise User.DoesNotExist
            movement = movements.get(place) or Movement.of(learners[each.user_id], each.run_id, current.get(place))
            _walk(movement, is_active=each.status == ACTIVE)
            movements[place] = movement
        except (NonExistentCourseError, User.DoesNotExist, Refusal) as problem:
            placed.failures[place] = problem
    store(movements.values(), origin=ORIGIN)
    placed.enrollments = {place: movement.enrollment for place, movement in movements.items()}


def _walk(movement: Movement, *, is_active: bool) -> None:
    """What happens to one enrollment.

    Raises:
        Refusal: a hook says no; the movement is as before.
    """
    enrollment = movement.enrollment
    if not enrollment.is_active:
        stored = None if movement.created else enrollment
        admit(movement.learner, enrollment.course_id, MASTERS, stored, run=None, check_access=False)
        movement.enroll(MASTERS)
    elif enrollment.mode in REPLACED:
        movement.update(mode=MASTERS)
    elif enrollment.mode != MASTERS:
        logger.error(
            "Account %s is in %s with mode %s, which stays: it is not one that becomes %s.",
            enrollment.user_id, enrollment.course_id, enrollment.mode, MASTERS,
        )  # fmt: skip
    if not is_active and enrollment.mode == MASTERS:
        movement.update(is_active=False)


def _locked_learners(ids: Iterable[int]) -> dict[int, User]:
    """The accounts, locked in the order of all writers of plain enrollments."""
    rows = User.objects.select_for_update(no_key=True).filter(pk__in_set=set(ids)).order_by("pk")
    return {row.pk: row for row in rows}


def _enrollments(places: Collection[Place]) -> dict[Place, CourseEnrollment]:
    rows = CourseEnrollment.objects.filter(InPairs("user_id", "course_id", places)).order_by()
    return {(row.user_id, row.course_id): row for row in rows}
