"""Consent to share course data with a customer: recorded on the learner's behalf (contract: enterprise-learners)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import delete_recorded, insert_from, record_history
from enterprise.models import DataSharingConsent, EnterpriseCourseEnrollment, EnterpriseCustomer

BATCH_SIZE = 1_000  # enrollments
logger = logging.getLogger(__name__)


def record(customer_id: UUID, username: str, course_id: str, granted: bool) -> DataSharingConsent:
    """Stores what a learner answered for a course or run."""
    answer, _ = DataSharingConsent.objects.update_or_create(
        enterprise_customer_id=customer_id, username=username, course_id=course_id, defaults={"granted": granted}
    )
    return answer


def grant(customer_id: UUID, username: str, course_id: str) -> None:
    """Records consent as granted, whatever was answered before; what is granted already is left alone."""
    answers = DataSharingConsent.objects.filter(
        enterprise_customer_id=customer_id, username=username, course_id=course_id, granted=True
    )
    if not answers.exists():
        record(customer_id, username, course_id, granted=True)


def imply(enrollments: Collection[int]) -> int:
    """Records consent as granted for enterprise enrollments of customers that manage consent outside the service.

    Left out: learners who are not linked or refused this customer before, and whoever has a record for that run. Two
    statements. A failure is logged and never costs the enrollment.

    Args:
        enrollments: ids of enterprise enrollments, of any customers.
    Returns:
        How many records were made.
    """
    if not enrollments:
        return 0
    implied = _implied().filter(pk__in_set=enrollments)
    now = timezone.now()
    try:
        with transaction.atomic():
            made = insert_from(
                DataSharingConsent,
                implied.order_by("pk"),
                {
                    "enterprise_customer_id": F("enterprise_customer_user__enterprise_customer_id"),
                    "username": F("enterprise_customer_user__user_fk__username"),
                    "course_id": F("course_id"),
                    "granted": True,
                    "created": now,
                    "modified": now,
                },
            )
            record_history(DataSharingConsent, [pk for (pk,) in made], "+", user_id=acting_account_id())
    except DatabaseError:
        logger.exception("Implied consent could not be recorded for enterprise enrollments %s.", list(enrollments))
        return 0
    return len(made)


def backfill_implied(customer_id: UUID | None = None, *, dry_run: bool = False) -> Iterator[int]:
    """Does for enrollments that exist already what `imply` does for new ones, batch by batch, each committed by itself.

    Args:
        customer_id: only this customer's; None: everybody's.
        dry_run: only count.
    Yields:
        How many records were made, or are missing, in each batch.
    """
    recorded = DataSharingConsent.objects.filter(
        enterprise_customer=OuterRef("enterprise_customer_user__enterprise_customer"),
        username=OuterRef("enterprise_customer_user__user_fk__username"),
        course_id=OuterRef("course_id"),
    )
    missing = _implied().filter(~Exists(recorded)).order_by("pk")
    if customer_id is not None:
        missing = missing.filter(enterprise_customer_user__enterprise_customer_id=customer_id)
    last = 0
    while ids := list(missing.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH_SIZE]):
        yield len(ids) if dry_run else imply(ids)
        last = ids[-1]


def _implied() -> QuerySet[EnterpriseCourseEnrollment]:
    """Enterprise enrollments of linked learners whose customer implies consent that they did not refuse it."""
    refused = DataSharingConsent.objects.filter(
        enterprise_customer=OuterRef("enterprise_customer_user__enterprise_customer"),
        username=OuterRef("enterprise_customer_user__user_fk__username"),
        granted=False,
    )
    return EnterpriseCourseEnrollment.objects.filter(
        ~Exists(refused),
        enterprise_customer_user__user_fk__isnull=False,
        enterprise_customer_user__enterprise_customer__enable_data_sharing_consent=True,
        enterprise_customer_user__enterprise_customer__enforce_data_sharing_consent=(
            EnterpriseCustomer.Consent.EXTERNALLY_MANAGED
        ),
    )


@transaction.atomic
def delete(answers: Collection[int]) -> int:
    """Deletes records of consent, with history; two statements.

    Args:
        answers: their ids.
    Returns:
        How many there were.
    """
    return delete_recorded(DataSharingConsent, answers, user_id=acting_account_id())
