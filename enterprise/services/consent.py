"""Consent to share course data with a customer: recorded on the learner's behalf (contract: enterprise-learners)."""

from __future__ import annotations

import logging
from collections.abc import Collection
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import delete_recorded, insert_from, record_history
from enterprise.models import DataSharingConsent, EnterpriseCourseEnrollment, EnterpriseCustomer

logger = logging.getLogger(__name__)


def record(customer_id: UUID, username: str, course_id: str, granted: bool) -> DataSharingConsent:
    """Stores what a learner answered for a course or run."""
    answer, _ = DataSharingConsent.objects.update_or_create(
        enterprise_customer_id=customer_id, username=username, course_id=course_id, defaults={"granted": granted}
    )
    return answer


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
    refused = DataSharingConsent.objects.filter(
        enterprise_customer=OuterRef("enterprise_customer_user__enterprise_customer"),
        username=OuterRef("enterprise_customer_user__user_fk__username"),
        granted=False,
    )
    implied = EnterpriseCourseEnrollment.objects.filter(
        ~Exists(refused),
        pk__in_set=enrollments,
        enterprise_customer_user__user_fk__isnull=False,
        enterprise_customer_user__enterprise_customer__enable_data_sharing_consent=True,
        enterprise_customer_user__enterprise_customer__enforce_data_sharing_consent=(
            EnterpriseCustomer.Consent.EXTERNALLY_MANAGED
        ),
    )
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


@transaction.atomic
def delete(answers: Collection[int]) -> int:
    """Deletes records of consent, with history; two statements.

    Args:
        answers: their ids.
    Returns:
        How many there were.
    """
    return delete_recorded(DataSharingConsent, answers, user_id=acting_account_id())
