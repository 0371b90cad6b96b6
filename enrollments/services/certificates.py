"""Certificates: made, or made anew, for learners who have earned them (contract: support 4.2).

A certificate is earned with a passing grade and an active enrollment in a mode that leads to one.
"""

from __future__ import annotations

import logging

from django.db import transaction

from config.api.exceptions import Refusal
from enrollments.models import CourseEnrollment, GeneratedCertificate, User
from enrollments.queries.certificates import has_passing_grade
from enrollments.services.enroll import lock_accounts

logger = logging.getLogger(__name__)

WITHOUT_CERTIFICATE = frozenset({"audit", "unpaid-executive-education"})  # modes
NOT_ENROLLED = "User {} is not enrolled in the course {}"
NO_CERTIFICATES = "The mode {} does not lead to a certificate."
NOT_PASSED = "The learner has no passing grade in the course {}."
DOWNLOADABLE = "downloadable"


def leads_to_certificate(mode: str) -> bool:
    """Whether learners in this mode of a run can earn a certificate."""
    return mode not in WITHOUT_CERTIFICATE


def regenerate(learner: User, run_id: str) -> None:
    """Has a certificate made anew in the background, whether there is one already or not.

    Raises:
        Refusal: the learner is not active in the run, or has not earned a certificate there.
    """
    enrollment = _active_enrollment(learner.pk, run_id)
    if enrollment is None:
        raise Refusal(NOT_ENROLLED.format(learner.pk, run_id))
    logger.info("certificate of user %s in %s: asked for anew", learner.pk, run_id)
    obstacle = _obstacle(enrollment)
    if obstacle:
        logger.info("certificate of user %s in %s: refused, %s", learner.pk, run_id, obstacle)
        raise Refusal(obstacle)
    make_later(learner.pk, run_id)


def generate(learner: User, run_id: str) -> None:
    """Has a certificate made in the background; a learner who has not earned it gets none.

    Raises:
        Refusal: the learner is not active in the run.
    """
    if _active_enrollment(learner.pk, run_id) is None:
        raise Refusal(NOT_ENROLLED.format(learner.username, run_id))
    make_later(learner.pk, run_id)


def make_later(user_id: int, run_id: str) -> None:
    """Has `make` called in the background once the current transaction commits."""
    from enrollments.tasks import generate_certificate

    transaction.on_commit(lambda: generate_certificate.delay(user_id, run_id), robust=True)


def make(user_id: int, run_id: str) -> GeneratedCertificate | None:
    """The learner's certificate, new or refreshed; None when they have not earned one, and nothing changes."""
    with transaction.atomic():
        lock_accounts([user_id])  # of two at once the second finds the certificate of the first
        enrollment = _active_enrollment(user_id, run_id)
        obstacle = _obstacle(enrollment) if enrollment is not None else "the learner is not enrolled"
        if enrollment is None or obstacle:
            logger.info("certificate of user %s in %s: none is made, %s", user_id, run_id, obstacle)
            return None
        certificate = GeneratedCertificate.objects.filter(user_id=user_id, course_id=run_id).first()
        if certificate is None:
            certificate = GeneratedCertificate(user_id=user_id, course_id=run_id)
        certificate.status, certificate.mode, certificate.stored_is_passing = DOWNLOADABLE, enrollment.mode, None
        certificate.save()
    logger.info("certificate of user %s in %s: made", user_id, run_id)
    return certificate


def _active_enrollment(user_id: int, run_id: str) -> CourseEnrollment | None:
    return CourseEnrollment.objects.filter(user_id=user_id, course_id=run_id, is_active=True).first()


def _obstacle(enrollment: CourseEnrollment) -> str:
    """Why the learner has not earned a certificate; empty when they have."""
    if not leads_to_certificate(enrollment.mode):
        return NO_CERTIFICATES.format(enrollment.mode)
    if not has_passing_grade(enrollment.user_id, enrollment.course_id):
        return NOT_PASSED.format(enrollment.course_id)
    return ""
