"""Background work of this app: each task calls one service and may run twice without harm."""

from __future__ import annotations

from celery import shared_task

from support.services import course_resets


@shared_task(acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def reset_course(audit_id: int) -> None:
    """Resets a learner in a course."""
    course_resets.carry_out(audit_id)


@shared_task(ignore_result=True)
def resume_course_resets() -> None:
    """Picks up resets whose workers died."""
    course_resets.resume_lost()
