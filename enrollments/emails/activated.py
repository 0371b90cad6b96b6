"""The mail on an activated enrollment, with SEND_ENROLLMENT_EMAIL (contract: enrollment-api, Background work)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from enrollments.emails.letters import letter
from enrollments.emails.registry import Rendered
from enrollments.models import CourseEnrollment, CourseOverview, OutboxMessage

MESSAGE_TYPE = "enrollments.activated"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; two statements, whatever its size.

    The context of a message is `{"enrollment_id": id}`. Who has left the run in the meantime gets no mail.
    """
    wanted = [message.context.get("enrollment_id") for message in messages]
    enrollments = CourseEnrollment.objects.select_related("user__profile").filter(is_active=True).in_bulk(wanted)
    runs = CourseOverview.objects.in_bulk({enrollment.course_id for enrollment in enrollments.values()})
    return {message.pk: _letter(enrollments.get(message.context.get("enrollment_id")), runs) for message in messages}


def _letter(enrollment: CourseEnrollment | None, runs: dict[Any, CourseOverview]) -> Rendered:
    if enrollment is None:
        return "The learner is not enrolled any more."
    run = runs.get(enrollment.course_id)
    if run is None:
        return "The run is no longer stored."
    context = {
        "user_name": enrollment.user.full_name(),
        "course_name": run.name,
        "course_start": run.start if run.start and run.start > datetime.now(UTC) else None,
        "course_url": f"{settings.LEARNING_MICROFRONTEND_URL.rstrip('/')}/course/{run.pk}/home",
        "platform_name": settings.PLATFORM_NAME,
    }
    return letter("activated", f"You are enrolled in {run.name}", context, app="enrollments")
