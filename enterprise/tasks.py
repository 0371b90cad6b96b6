"""Background work of this app: each task calls one service and may run twice without harm."""

from __future__ import annotations

from celery import shared_task

from enterprise.services import admin_reminders, content, course_enrollments, jobs


@shared_task(acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def run_bulk_job(job_id: str) -> None:
    """Works on a bulk job for a while."""
    jobs.work_slice(job_id)


@shared_task(ignore_result=True)
def make_missing_enrollments(created: list[tuple[int, str]]) -> None:
    """Makes the enterprise enrollments of plain enrollments, given as pairs of account id and run key."""
    course_enrollments.make_missing([(user_id, run_key) for user_id, run_key in created])


@shared_task(ignore_result=True)
def sweep_bulk_jobs() -> None:
    """Picks up jobs whose workers died."""
    jobs.sweep()


@shared_task(ignore_result=True)
def prune_bulk_jobs() -> None:
    """Deletes jobs that nobody needs any more."""
    jobs.prune()


@shared_task(ignore_result=True)
def remind_invited_admins() -> None:
    """Reminds invited admins who have not begun."""
    admin_reminders.remind()


@shared_task(ignore_result=True)
def refresh_content() -> None:
    """Brings what catalogs hold in line with the catalogue and the clock."""
    content.refresh()


@shared_task(ignore_result=True)
def prune_content_filters() -> None:
    """Drops content filters that no catalog has any more."""
    content.prune()
