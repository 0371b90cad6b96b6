"""The mail to a learner whose course was reset (contract: support, section 5)."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from enrollments.emails.letters import letter
from enrollments.emails.registry import Rendered
from enrollments.models import CourseOverview, OutboxMessage
from support.models import CourseResetAudit

MESSAGE_TYPE = "support.course_reset"
SUBJECT = "{} was reset for you"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; two statements, whatever its size.

    The context of a message is `{"audit_id": id}`.
    """
    wanted = [message.context.get("audit_id") for message in messages]
    audits = CourseResetAudit.objects.select_related("course_enrollment__user__profile").in_bulk(wanted)
    runs = CourseOverview.objects.in_bulk(
        {audit.course_enrollment.course_id for audit in audits.values() if audit.course_enrollment is not None}
    )
    return {message.pk: _letter(audits.get(message.context.get("audit_id")), runs) for message in messages}


def _letter(audit: CourseResetAudit | None, runs: dict[Any, CourseOverview]) -> Rendered:
    enrollment = audit.course_enrollment if audit is not None else None
    run = runs.get(enrollment.course_id) if enrollment is not None else None
    if enrollment is None or run is None:
        return "The enrollment or its run is no longer stored."
    context = {
        "user_name": enrollment.user.full_name(),
        "course_name": run.name,
        "course_url": f"{settings.LEARNING_MICROFRONTEND_URL.rstrip('/')}/course/{run.pk}/home",
        "platform_name": settings.PLATFORM_NAME,
    }
    return letter("course_reset", SUBJECT.format(run.name), context, app="support")
