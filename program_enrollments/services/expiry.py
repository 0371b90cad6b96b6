"""Students who never came (contract: program-enrollments, Background work)."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from config.db.cascade import delete_with_dependants
from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment

CHUNK = 2_000


def expire_waiting(days: int) -> int:
    """Deletes the enrollments in programs that wait without an account and have not changed for some days, with those
    in runs, and all history of both. In portions, each of which stands when the next one fails.

    Args:
        days: an enrollment that was last changed that long ago, or longer, goes.
    Returns:
        How many enrollments in programs went.
    """
    moment = timezone.now() - timedelta(days=days)
    total = 0
    while number := _expire_some(moment):
        total += number
    return total


@transaction.atomic
def _expire_some(moment: object) -> int:
    waiting = ProgramEnrollment.objects.filter(user=None, modified__lte=moment).order_by("modified", "pk")
    # What somebody is just linking is not waited for: it is no longer to be deleted.
    ids = set(waiting.select_for_update(skip_locked=True)[:CHUNK].values_list("pk", flat=True))
    if not ids:
        return 0
    in_runs = ProgramCourseEnrollment.objects.filter(program_enrollment__in_set=ids)
    run_ids = set(in_runs.order_by().values_list("pk", flat=True))
    delete_with_dependants(ProgramEnrollment, ids)
    for model, gone in ((ProgramCourseEnrollment, run_ids), (ProgramEnrollment, ids)):
        history = model.history.filter(id__in_set=gone)
        history._raw_delete(history.db)
    return len(ids)
