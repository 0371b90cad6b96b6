"""What a learner's score counts for, seen anew in another mode (contract: support 5, score recalculation).

Grades are facts that come from outside and stay as they are. What follows from one and the mode is whether a
certificate is earned, and how the learner stands as long as none is.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from functools import partial

from django.db import transaction
from django.utils import timezone

from config.db.sets import InPairs
from enrollments.models import CourseEnrollment, CourseGrade, GeneratedCertificate
from enrollments.services import certificates
from enrollments.services.enroll import lock_accounts

logger = logging.getLogger(__name__)

LearnerRun = tuple[int, str]  # account id, run key

DELAY_SECONDS = 30
NOT_PASSING, AUDIT_PASSING, AUDIT_NOT_PASSING = "notpassing", "audit_passing", "audit_notpassing"
# A certificate in any other status is there, on its way, or was decided on: a mode takes nothing of that back.
STANDINGS = frozenset({NOT_PASSING, AUDIT_PASSING, AUDIT_NOT_PASSING})


def recalculate_later(places: Collection[LearnerRun]) -> None:
    """Has `recalculate` called half a minute after the current transaction commits, so that late grades count too."""
    transaction.on_commit(partial(_queue, list(places)), robust=True)


def recalculate(places: Collection[LearnerRun]) -> None:
    """Has the certificates made that learners have earned in their modes, and brings standings in line with the modes.

    Who is not active in the run, or has no grade that can be read, is left alone. Called again it changes nothing. The
    number of statements depends on that of distinct outcomes only.
    """
    with transaction.atomic():
        lock_accounts({user_id for user_id, _ in places})
        active = CourseEnrollment.objects.filter(InPairs("user_id", "course_id", places), is_active=True)
        enrolled = active.values_list("user_id", "course_id", "mode")
        modes = {(user_id, run_id): mode for user_id, run_id, mode in enrolled}
        graded = CourseGrade.objects.filter(InPairs("user_id", "course_id", modes), error__isnull=True)
        stored = GeneratedCertificate.objects.filter(InPairs("user_id", "course_id", modes))
        by_place = {(each.user_id, each.course_id): each for each in stored}
        outcomes: dict[tuple[str, str], list[int]] = defaultdict(list)
        for user_id, run_id, passed in graded.order_by("pk").values_list("user_id", "course_id", "passed"):
            mode, certificate = modes[user_id, run_id], by_place.get((user_id, run_id))
            if certificate is not None and certificate.status not in STANDINGS:
                continue
            if passed and certificates.leads_to_certificate(mode):
                certificates.make_later(user_id, run_id)
            elif certificate is not None and (certificate.status, certificate.mode) != (_standing(mode, passed), mode):
                outcomes[_standing(mode, passed), mode].append(certificate.pk)
        for (status, mode), ids in outcomes.items():
            GeneratedCertificate.objects.filter(pk__in_set=ids).update(
                status=status, mode=mode, stored_is_passing=None, modified=timezone.now()
            )
    logger.info("%d scores were seen anew", len(modes))


def _queue(places: list[LearnerRun]) -> None:
    from enrollments.tasks import recalculate_scores

    recalculate_scores.apply_async(args=[places], countdown=DELAY_SECONDS)


def _standing(mode: str, passed: bool) -> str:
    """How a learner stands who has not earned a certificate."""
    if certificates.leads_to_certificate(mode):
        return NOT_PASSING
    return AUDIT_PASSING if passed else AUDIT_NOT_PASSING
