"""Learners who move to a mode with proctored exams hear what these ask of them (contract: support, section 5)."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

from django.conf import settings

from enrollments.models import User
from enrollments.services import outbox
from enrollments.signals import EnrollmentChange
from support.emails import proctoring_requirements
from support.models.onboarding import PROCTORED_MODES
from support.queries.onboarding import proctored_runs


def send_requirements(moved: Collection[EnrollmentChange]) -> None:
    """Queues the mail, one for each change (setting SEND_PROCTORING_REQUIREMENTS_EMAIL).

    To be called in the transaction of the changes. One statement when no run has proctored exams.

    Args:
        moved: changes of mode; only active enrollments whose mode allows proctored exams now count.
    """
    allowed = [change for change in moved if change.is_active and change.mode in PROCTORED_MODES]
    if not (allowed and settings.SEND_PROCTORING_REQUIREMENTS_EMAIL):
        return
    runs = proctored_runs({change.course_id for change in allowed})
    told = [change for change in allowed if change.course_id in runs]
    if not told:
        return
    learners = User.objects.filter(pk__in_set={change.user_id for change in told})
    addresses = dict(learners.values_list("pk", "email"))
    outbox.queue(
        outbox.NewMessage(
            key=f"proctoring-requirements:{change.enrollment_id}:{uuid4().hex}",
            message_type=proctoring_requirements.MESSAGE_TYPE,
            recipient=addresses[change.user_id],
            context={"enrollment_id": change.enrollment_id},
        )
        for change in told
    )
