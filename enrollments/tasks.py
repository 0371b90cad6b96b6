"""Celery entry points of this app; each calls a service."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command
from oauth2_provider.models import clear_expired

from enrollments.services import certificates, outbox, scores, sign_ins


@shared_task
def deliver_outbox() -> None:
    """Delivers waiting mails for a while, and queues itself again while more wait."""
    if outbox.deliver():
        outbox.queue_delivery()


@shared_task
def sweep_outbox() -> None:
    """Delivers what became due without a change to announce it, and marks what a dead process left behind."""
    if outbox.sweep():
        outbox.queue_delivery()


@shared_task
def clear_expired_sign_ins() -> None:
    """Deletes tokens, authorization codes and sessions whose time is over, and notes of sign-ins long ago."""
    clear_expired()
    call_command("clearsessions")
    sign_ins.prune()


@shared_task(ignore_result=True)
def generate_certificate(user_id: int, run_id: str) -> None:
    """Makes or refreshes a learner's certificate of a run, if they have earned one."""
    certificates.make(user_id, run_id)


@shared_task(ignore_result=True)
def recalculate_scores(places: list[tuple[int, str]]) -> None:
    """Sees anew what scores count for, given as pairs of account id and run key."""
    scores.recalculate([(user_id, run_id) for user_id, run_id in places])
