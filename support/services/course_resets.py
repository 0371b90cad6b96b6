"""Resets: asked for by an agent, carried out in the background, once per learner and course (contract: support, 5).

States: `enqueued` -> `in_progress` -> `complete` or `failed`. What a reset clears, its last state and the mail commit
together, with the audit's row held: a task that runs twice finds nothing left to do. A reset whose worker died is
found by a sweep once `lost_at` has passed.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from config.api.exceptions import Refusal
from enrollments.models import CourseEnrollment, User
from enrollments.services import outbox, progress
from support.emails import course_reset
from support.models import CourseResetAudit, CourseResetCourseOptIn
from support.queries.course_resets import ResettableCourse, courses_of, resettable_person

logger = logging.getLogger(__name__)

Status = CourseResetAudit.Status

NO_USER = "User does not exist"
NOT_OFFERED = "Course is not eligible"
NOT_ENROLLED = "Learner is not enrolled in course"
NOT_NOW = "Cannot reset course: {}"
LOST_AFTER = timedelta(minutes=5)


class NothingToReset(Exception):
    """The learner has left the run since the reset was asked for."""


def request_reset(agent: User, username_or_email: str, run_id: str, comment: str = "") -> ResettableCourse:
    """Notes that a learner starts a run afresh, and has it done once this is committed.

    Args:
        agent: who asks for it.
        run_id: the key of the run.
        comment: at most 255 characters.
    Raises:
        Refusal: 404, no such learner, resets are not offered there, or the learner is not active there; 400, it
            cannot be reset now. In this order.
    """
    learner = resettable_person(username_or_email)
    if learner is None:
        raise Refusal(NO_USER, status=404)
    with transaction.atomic():
        opt_in = CourseResetCourseOptIn.objects.filter(course_id=run_id, active=True).first()
        if opt_in is None:
            raise Refusal(NOT_OFFERED, status=404)
        # The enrollment is held, so that of two requests at once the second sees what the first has noted.
        rows = CourseEnrollment.objects.select_for_update(no_key=True)
        enrollment = rows.filter(user=learner, course_id=run_id, is_active=True).first()
        course = next((each for each in courses_of(learner) if each.run.pk == run_id), None)
        if enrollment is None or course is None:
            raise Refusal(NOT_ENROLLED, status=404)
        if not course.can_reset:
            raise Refusal(NOT_NOW.format(course.status))
        audit = CourseResetAudit.objects.create(
            course=opt_in,
            course_enrollment=enrollment,
            reset_by=agent,
            comment=comment,
            lost_at=timezone.now() + LOST_AFTER,
        )
        _queue(audit.pk)
        return ResettableCourse(course.run, False, audit.message, comment)


def carry_out(audit_id: int) -> None:
    """Does what an audit asks for. Whatever goes wrong there makes it `failed`, with nothing cleared."""
    logger.info("course reset %s begins", audit_id)
    moment = timezone.now()
    audits = CourseResetAudit.objects.filter(pk=audit_id)
    if not audits.filter(status=Status.ENQUEUED).update(
        status=Status.IN_PROGRESS, modified=moment, lost_at=moment + LOST_AFTER
    ):
        audits.filter(status=Status.IN_PROGRESS).update(lost_at=moment + LOST_AFTER)
    try:
        with transaction.atomic():
            done = _reset(audit_id)
    except Exception:
        logger.exception("course reset %s failed", audit_id)
        _fail(audits)
    else:
        logger.info("course reset %s %s", audit_id, "is complete" if done else "has nothing left to do")


def resume_lost() -> None:
    """Hands resets whose worker died to the workers again."""
    moment = timezone.now()
    lost = CourseResetAudit.objects.filter(lost_at__lt=moment, status__in=(Status.ENQUEUED, Status.IN_PROGRESS))
    with transaction.atomic():
        ids = list(lost.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
        # The later moment keeps the next sweep from queueing them again while they wait for a worker.
        CourseResetAudit.objects.filter(pk__in_set=ids).update(lost_at=moment + LOST_AFTER)
        for audit_id in ids:
            _queue(audit_id)


def mark_failed(audits: QuerySet[CourseResetAudit]) -> int:
    """Lets learners be reset again; when their resets were last changed stays as it was. The number of audits."""
    return audits.update(status=Status.FAILED, lost_at=None)


def _queue(audit_id: int) -> None:
    from support.tasks import reset_course

    transaction.on_commit(lambda: reset_course.delay(audit_id), robust=True)


def _reset(audit_id: int) -> bool:
    """Clears and completes in the caller's transaction; False when another run of the task was faster.

    Raises:
        NothingToReset: the learner has left the run.
    """
    rows = CourseResetAudit.objects.select_for_update(no_key=True, of=("self",))
    found: Any = rows.select_related("course_enrollment__user")
    audit: CourseResetAudit | None = found.filter(pk=audit_id, status=Status.IN_PROGRESS).first()
    if audit is None:
        return False
    enrollment = audit.course_enrollment
    if enrollment is None or not enrollment.is_active:
        raise NothingToReset
    progress.clear(enrollment)
    audit.status, audit.completed_at, audit.lost_at = Status.COMPLETE, timezone.now(), None
    audit.save()
    _mail(audit, enrollment.user)
    return True


def _mail(audit: CourseResetAudit, learner: User) -> None:
    """Queues the mail to the learner; whatever goes wrong with it, the reset stays."""
    try:
        with transaction.atomic():
            message = outbox.NewMessage(
                key=f"course-reset:{audit.pk}",
                message_type=course_reset.MESSAGE_TYPE,
                recipient=learner.email,
                context={"audit_id": audit.pk},
            )
            outbox.queue([message])
    except Exception:
        logger.exception("the mail on course reset %s to user %s was not queued", audit.pk, learner.pk)
    else:
        logger.info("the mail on course reset %s to user %s is queued", audit.pk, learner.pk)


def _fail(audits: QuerySet[CourseResetAudit]) -> None:
    # Where this does not work either, the audit stays as it is, and the sweep finds it.
    audits.filter(status=Status.IN_PROGRESS).update(
        status=Status.FAILED, modified=timezone.now(), completed_at=None, lost_at=None
    )
