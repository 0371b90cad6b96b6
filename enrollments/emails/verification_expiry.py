"""The mail to a learner in `verified` mode whose ID verification has expired (contract: support, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from enrollments.emails.letters import letter
from enrollments.emails.registry import Rendered
from enrollments.models import (
    CourseEnrollment,
    CourseOverview,
    IDVerificationAttempt,
    OutboxMessage,
    VerificationDeadline,
)

MESSAGE_TYPE = "enrollments.verification_expiry"
SUBJECT = "Your ID verification for {} has expired"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; five statements, whatever its size.

    The context of a message is `{"enrollment_id": id, "attempt_id": id}`, the attempt being the one that has expired.
    Who is verified again in the meantime, or has left the run or the mode, gets no mail.
    """
    now = timezone.now()
    verified = CourseEnrollment.objects.filter(is_active=True, mode="verified").select_related("user__profile")
    enrollments = verified.in_bulk([message.context.get("enrollment_id") for message in messages])
    run_ids = {enrollment.course_id for enrollment in enrollments.values()}
    deadlines = VerificationDeadline.objects.filter(course_id__in=run_ids, deadline__gt=now)
    valid = IDVerificationAttempt.objects.filter(
        Q(expiration_datetime__isnull=True) | Q(expiration_datetime__gt=now),
        user__in=[enrollment.user_id for enrollment in enrollments.values()],
        status=IDVerificationAttempt.Status.APPROVED,
    )
    facts = _Facts(
        attempts=IDVerificationAttempt.objects.in_bulk([message.context.get("attempt_id") for message in messages]),
        verified=set(valid.order_by().values_list("user_id", flat=True)),
        runs=CourseOverview.objects.in_bulk(run_ids),
        deadlines=dict(deadlines.values_list("course_id", "deadline")),
    )
    return {
        message.pk: _letter(message, enrollments.get(message.context.get("enrollment_id")), facts)
        for message in messages
    }


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the mails of a batch tell of: attempts by id, accounts verified now, runs and deadlines ahead by run key."""

    attempts: dict[Any, IDVerificationAttempt]
    verified: set[int]
    runs: dict[Any, CourseOverview]
    deadlines: dict[str, datetime]


def _letter(message: OutboxMessage, enrollment: CourseEnrollment | None, facts: _Facts) -> Rendered:
    if enrollment is None:
        return "The learner is not in the verified mode any more."
    run, attempt = facts.runs.get(enrollment.course_id), facts.attempts.get(message.context.get("attempt_id"))
    if run is None:
        return "The run is no longer stored."
    if attempt is None or not attempt.is_expired or enrollment.user_id in facts.verified:
        return "The learner is verified, or the verification is no longer stored."
    context = {
        "user_name": enrollment.user.full_name(),
        "course_name": run.name,
        "course_url": f"{settings.LEARNING_MICROFRONTEND_URL.rstrip('/')}/course/{run.pk}/home",
        "expired_on": attempt.expiration_datetime,
        "deadline": facts.deadlines.get(run.pk),
        "platform_name": settings.PLATFORM_NAME,
    }
    return letter("verification_expiry", SUBJECT.format(settings.PLATFORM_NAME), context, app="enrollments")
