"""Plain enrollments change here, set by set in `bulk`, and nowhere else (contract: enrollment-api, CourseEnrollment).

A change is first walked through in memory, step by step as the contract has its effects, in a `Movement`; `store` then
writes each enrollment once, with one history row, and tells everybody. The row of the learner's account is the mutex of
all writers: whoever changes enrollments holds it (ARCHITECTURE section 5, Locks).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, CharField

from config.api.exceptions import Refusal
from config.db.history import acting_account_id
from config.db.reads import Given, GivenSet, KeptInstances, KeyedStatement
from config.db.sets import record_history, update_from
from config.hooks import hooks, is_quiet
from enrollments.emails import activated
from enrollments.models import CourseEnrollment, CourseEnrollmentAllowed, CourseOverview, User
from enrollments.queries.course_modes import default_mode
from enrollments.services import access, outbox, tracking
from enrollments.services.tracking import Line
from enrollments.signals import EnrollmentChange, enrollments_changed

ORIGIN = "enrollments"


class EnrollmentRefused(Refusal):
    """A learner cannot be enrolled; `code` says why in a word."""


class AlreadyEnrolled(EnrollmentRefused):
    """The learner has an active enrollment: `enrollment`."""

    def __init__(self, enrollment: CourseEnrollment) -> None:
        super().__init__("The learner is enrolled already.", code="already-enrolled")
        self.enrollment = enrollment


@dataclass
class Movement:
    """What happens to one enrollment. Nothing is written before `store`.

    Args:
        learner: the enrollment's account.
        enrollment: the stored row, or a new one: inactive and in audit mode, as a row begins.
        enterprise_uuid: goes into the tracking line of an activation, nowhere else.
    """

    learner: User
    enrollment: CourseEnrollment
    enterprise_uuid: str | None = None
    lines: list[Line] = field(default_factory=list)
    takes_allowance: bool = False
    was_active_between: bool = False

    def __post_init__(self) -> None:
        self.created = self.enrollment.pk is None
        self.mode_before = self.enrollment.mode
        self.active_before = self.enrollment.is_active

    @classmethod
    def of(
        cls, learner: User, run_id: str, current: CourseEnrollment | None, enterprise_uuid: str | None = None
    ) -> Movement:
        """The learner's enrollment in a run, or the beginning of one."""
        begun = current or CourseEnrollment(user=learner, course_id=run_id, is_active=False, mode="audit")
        return cls(learner, begun, enterprise_uuid)

    def enroll(self, mode: str) -> None:
        """Steps 7 to 10 of `enroll`: active in this mode, an allowance used up, and the enrolling said."""
        self.takes_allowance = True
        self.update(mode=mode, is_active=True)
        self.say("enrollment status change", change="enroll", mode=mode)
        self.say("course enrollment created", mode=mode, is_active=True)

    def update(self, mode: str | None = None, is_active: bool | None = None) -> None:
        """The state machine: None leaves a value alone; a value that does not differ has no effect."""
        enrollment = self.enrollment
        mode_differs = mode is not None and mode != enrollment.mode
        activity_differs = is_active is not None and is_active != enrollment.is_active
        if not mode_differs and not activity_differs:
            return
        if mode_differs and mode is not None:
            enrollment.mode = mode
        if activity_differs and is_active is not None:
            enrollment.is_active = is_active
        self.say(
            "course enrollment changed", mode=enrollment.mode, is_active=enrollment.is_active, created=self.created
        )
        if activity_differs and is_active:
            self.was_active_between = True
            about = {"enterprise_uuid": self.enterprise_uuid} if self.enterprise_uuid else {}
            self.say("edx.course.enrollment.activated", mode=enrollment.mode, **about)
        elif activity_differs:
            self.say("unenroll done")
            self.say("edx.course.enrollment.deactivated", mode=enrollment.mode)
            self.say("enrollment status change", change="unenroll", mode=enrollment.mode)
            self.say("course unenrollment completed", mode=enrollment.mode)
        if mode_differs:
            self.say("edx.course.enrollment.mode_changed", mode=enrollment.mode)
            self.say("enrollment track updated", mode=enrollment.mode)

    def say(self, event: str, **data: Any) -> None:
        enrollment = self.enrollment
        self.lines.append(Line(event, {"user_id": self.learner.pk, "course_id": enrollment.course_id, **data}))

    @property
    def differs(self) -> bool:
        """Whether the row must be written."""
        return self.created or (self.mode_before, self.active_before) != (
            self.enrollment.mode,
            self.enrollment.is_active,
        )

    @property
    def change(self) -> EnrollmentChange:
        """What higher apps are told: the state afterwards, and how it compares with the one before."""
        enrollment = self.enrollment
        was_active = self.active_before or self.was_active_between
        return EnrollmentChange(
            enrollment_id=enrollment.pk,
            user_id=self.learner.pk,
            course_id=enrollment.course_id,
            mode=enrollment.mode,
            is_active=enrollment.is_active,
            created=self.created,
            activated=enrollment.is_active and not self.active_before,
            deactivated=was_active and not enrollment.is_active,
            mode_changed=enrollment.mode != self.mode_before,
        )


def enroll(
    learner: User,
    course_id: str,
    mode: str | None = None,
    *,
    check_access: bool = False,
    override_closed: bool = False,
    origin: str = ORIGIN,
    enterprise_uuid: str | None = None,
) -> CourseEnrollment:
    """Enrolls a learner in a run: a new row, or an old one active again.

    Args:
        mode: None means the run's default mode.
        check_access: whether the run must exist, be open to this learner and have a seat, and the learner not be in it.
        override_closed: with `check_access`, a closed run does not refuse.
        origin: the app that asks, for receivers of `enrollments_changed`.
    Raises:
        EnrollmentRefused: the checks say no; AlreadyEnrolled is one of them.
        Refusal: a hook of PRE_ENROLL_CHECKS says no.
    """
    with transaction.atomic():
        lock_accounts([learner.pk])
        current = enrollment_in(learner, course_id)
        admit(
            learner, course_id, mode, current,
            run=CourseOverview.objects.filter(pk=course_id).first() if check_access else None,
            check_access=check_access, override_closed=override_closed,
        )  # fmt: skip
        movement = Movement.of(learner, course_id, current, enterprise_uuid)
        movement.enroll(mode or default_mode(course_id))
        store([movement], origin=origin)
        return movement.enrollment


def admit(
    learner: User,
    course_id: str,
    mode: str | None,
    current: CourseEnrollment | None,
    *,
    run: CourseOverview | None,
    check_access: bool = True,
    override_closed: bool = False,
) -> None:
    """Steps 1 and 3 to 6 of `enroll`, in this order: who is in a closed or full run already hears closed or full.

    Hooks:
        PRE_ENROLL_CHECKS: `check(learner, course_id, mode)`, raising Refusal to veto.
    Raises:
        Refusal: see `enroll`.
    """
    for check in hooks("PRE_ENROLL_CHECKS"):
        check(learner, course_id, mode)
    if not check_access:
        return
    if run is None:
        raise EnrollmentRefused(f"There is no run {course_id}.", code="unknown-course-run")
    if not override_closed and not access.may_enroll(learner, run):
        raise EnrollmentRefused(f"Enrollment in {course_id} is closed for this learner.", code="enrollment-closed")
    if access.is_full(run):
        raise EnrollmentRefused(f"{course_id} is full.", code="course-full")
    if current is not None and current.is_active:
        raise AlreadyEnrolled(current)


def update_enrollment(
    enrollment: CourseEnrollment, mode: str | None = None, is_active: bool | None = None, *, origin: str = ORIGIN
) -> CourseEnrollment:
    """Changes mode or activity of an enrollment; None leaves a value alone, and what does not differ is not written.

    Nothing is checked: no window, no seats, not whether the run offers the mode. `enrollment` is brought up to date.
    """
    with transaction.atomic():
        learner = locked_account(pk=enrollment.user_id)
        if learner is not None:
            enrollment.refresh_from_db(fields=["mode", "is_active"])
            movement = Movement(learner, enrollment)
            movement.update(mode, is_active)
            store([movement], origin=origin)
    return enrollment


def deactivate(enrollment: CourseEnrollment, *, origin: str = ORIGIN) -> CourseEnrollment:
    """Ends an enrollment; the row stays, inactive."""
    return update_enrollment(enrollment, is_active=False, origin=origin)


def store(movements: Iterable[Movement], *, origin: str = ORIGIN) -> None:
    """Writes movements and tells everybody; the number of statements depends on that of distinct outcomes only.

    To be called in a transaction that has locked the accounts. History names the account of the current request.
    """
    moved = [movement for movement in movements if movement.differs or movement.lines]
    created = [movement.enrollment for movement in moved if movement.created]
    CourseEnrollment.objects.bulk_create(created)
    outcomes: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for movement in moved:
        if movement.differs and not movement.created:
            outcomes[movement.enrollment.mode, movement.enrollment.is_active].append(movement.enrollment.pk)
    for (mode, is_active), ids in outcomes.items():
        CourseEnrollment.objects.filter(pk__in_set=ids).update(mode=mode, is_active=is_active)
    actor = acting_account_id()
    record_history(CourseEnrollment, [enrollment.pk for enrollment in created], "+", user_id=actor)
    record_history(CourseEnrollment, [pk for ids in outcomes.values() for pk in ids], "~", user_id=actor)
    _use_allowances([movement for movement in moved if movement.takes_allowance])
    if moved:
        changes = [movement.change for movement in moved]
        enrollments_changed.send(CourseEnrollment, changes=changes, origin=origin, by_mail=True)
    tracking.emit(line for movement in moved for line in movement.lines)
    _queue_mail([movement for movement in moved if movement.change.activated])


def lock_accounts(ids: Collection[int]) -> None:
    """Holds the accounts' rows until the transaction ends, in the order that all writers keep."""
    list(User.objects.select_for_update(no_key=True).filter(pk__in_set=ids).order_by("pk").values_list("pk"))


def locked_account(**identity: Any) -> User | None:
    """The account that a filter names, its row held until the transaction ends."""
    return User.objects.select_for_update(no_key=True).filter(**identity).first()


def locked_account_named(username: str) -> User | None:
    """As `locked_account`, by a kept statement."""
    return next(iter(_named(username=username)), None)


_named = KeptInstances(
    lambda: User.objects.select_for_update(no_key=True).filter(username=Given("username", CharField()))
)


def enrollment_in(learner: User, run_id: str) -> CourseEnrollment | None:
    """The learner's enrollment in a run, active or not; a kept statement."""
    return next(iter(_in_run(user_id=learner.pk, course_id=run_id)), None)


_in_run = KeptInstances(
    lambda: CourseEnrollment.objects.filter(
        user_id=Given("user_id", BigIntegerField()), course_id=Given("course_id", CharField())
    ).order_by()
)


def _use_allowances(movements: list[Movement]) -> None:
    """Links the allowances that nobody has consumed to the learners who enrolled; two statements at most."""
    consumers = {(movement.learner.email, movement.enrollment.course_id): movement.learner.pk for movement in movements}
    found = _unconsumed({email for email, _ in consumers}, run_ids={run_id for _, run_id in consumers})
    used = [(pk, consumers[email, course_id]) for pk, email, course_id in found if (email, course_id) in consumers]
    update_from(CourseEnrollmentAllowed, ["id", "user_id"], used)


_unconsumed = KeyedStatement(
    lambda emails: (
        CourseEnrollmentAllowed.objects.filter(
            email__in_set=emails, course_id__in_set=GivenSet("run_ids"), user__isnull=True
        )
        .order_by()
        .values_list("pk", "email", "course_id")
    )
)


def _queue_mail(movements: list[Movement]) -> None:
    """The mail on activation, where the deployment wants it (setting SEND_ENROLLMENT_EMAIL)."""
    if not settings.SEND_ENROLLMENT_EMAIL or is_quiet():
        return
    # Enrolling anew after a deactivation is worth a mail of its own, so the key is that of the activation.
    outbox.queue(
        outbox.NewMessage(
            key=f"enrollment-activated:{movement.enrollment.pk}:{uuid.uuid4().hex}",
            message_type=activated.MESSAGE_TYPE,
            recipient=movement.learner.email,
            context={"enrollment_id": movement.enrollment.pk},
        )
        for movement in movements
        if movement.learner.email
    )
