"""The mail to a learner whose mode has proctored exams now (contract: support, section 5)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from django.conf import settings

from config.db.sets import InPairs
from enrollments.emails.letters import letter
from enrollments.emails.registry import Rendered
from enrollments.models import CourseEnrollment, CourseOverview, OutboxMessage
from support.models.onboarding import PROCTORED_MODES, OnboardingStatus

MESSAGE_TYPE = "support.proctoring_requirements"
SUBJECT = "What the proctored exams in {} ask of you"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; three statements, whatever its size.

    The context of a message is `{"enrollment_id": id}`. Who has left the run or its proctored modes in the meantime
    gets no mail.
    """
    wanted = [message.context.get("enrollment_id") for message in messages]
    proctored = CourseEnrollment.objects.filter(is_active=True, mode__in=PROCTORED_MODES)
    enrollments = proctored.select_related("user__profile").in_bulk(wanted)
    places = {(enrollment.user_id, enrollment.course_id) for enrollment in enrollments.values()}
    runs = CourseOverview.objects.in_bulk({run_id for _, run_id in places})
    stored = OnboardingStatus.objects.filter(InPairs("user_id", "course_id", places))
    exams = {(exam.user_id, exam.course_id): exam for exam in stored}
    return {
        message.pk: _letter(enrollments.get(message.context.get("enrollment_id")), runs, exams) for message in messages
    }


def _letter(
    enrollment: CourseEnrollment | None,
    runs: dict[Any, CourseOverview],
    exams: dict[tuple[int, str], OnboardingStatus],
) -> Rendered:
    if enrollment is None:
        return "The learner is not in a mode with proctored exams any more."
    run = runs.get(enrollment.course_id)
    if run is None:
        return "The run is no longer stored."
    exam = exams.get((enrollment.user_id, run.pk))
    context = {
        "user_name": enrollment.user.full_name(),
        "course_name": run.name,
        "course_url": f"{settings.LEARNING_MICROFRONTEND_URL.rstrip('/')}/course/{run.pk}/home",
        "must_onboard": exam is None or not exam.is_settled,
        "onboarding_url": _address(exam.onboarding_link) if exam else "",
        "requirements_url": _address(exam.review_requirements_url) if exam else "",
        "platform_name": settings.PLATFORM_NAME,
    }
    return letter("proctoring_requirements", SUBJECT.format(run.name), context, app="support")


def _address(stored: str | None) -> str:
    """A stored link, which may be a path of this service, as mails need it; empty when there is none."""
    return urljoin(settings.LMS_ROOT_URL, stored) if stored else ""
