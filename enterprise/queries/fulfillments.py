"""Fulfillments: one by its uuid, and those of learners who left (contract: enterprise-learners)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from config.db.reads import WireTime
from enrollments.models import CourseEnrollment
from enterprise.models import LearnerCreditEnterpriseCourseEnrollment, LicensedEnterpriseCourseEnrollment

AnyFulfillment = LearnerCreditEnterpriseCourseEnrollment | LicensedEnterpriseCourseEnrollment
# Learner credit is looked up first.
KINDS: tuple[type[AnyFulfillment], ...] = (LearnerCreditEnterpriseCourseEnrollment, LicensedEnterpriseCourseEnrollment)
SUBSIDY: dict[type[AnyFulfillment], str] = {
    LearnerCreditEnterpriseCourseEnrollment: "transaction_id",
    LicensedEnterpriseCourseEnrollment: "license_uuid",
}

_enrollment = "enterprise_course_enrollment__"
_LEARNER = f"{_enrollment}enterprise_customer_user"


def fulfillment_by_uuid(uuid: UUID) -> AnyFulfillment | None:
    """The fulfillment with this uuid, learner credit before licenses, with its enrollment and the learner's link.

    Unlinked learners' fulfillments are found too. Two statements at most.
    """
    for kind in KINDS:
        rows: QuerySet[Any] = kind.objects.select_related(
            f"{_LEARNER}__user_fk", "enterprise_course_entitlement__enterprise_customer_user"
        )
        found: AnyFulfillment | None = rows.filter(uuid=uuid).first()
        if found is not None:
            return found
    return None


def customer_of(fulfillment: AnyFulfillment) -> UUID:
    """The customer that stands behind a fulfillment; no statement for one that `fulfillment_by_uuid` gave."""
    stands_for = fulfillment.enterprise_course_enrollment or fulfillment.enterprise_course_entitlement
    assert stands_for is not None  # a constraint of the table
    return stands_for.enterprise_customer_user.enterprise_customer_id


def unenrolled(kind: type[AnyFulfillment], after: datetime | None = None) -> QuerySet[Any, Any]:
    """Fulfillments of enterprise enrollments that ended, of all customers, the longest ago first, revoked or not.

    Whoever is active in the run again, by whatever way, is left out; without a plain enrollment there they stay.

    Args:
        kind: learner credit or licenses.
        after: only what ended then or later.
    Returns:
        Tuples: link id, run key, end, creation (texts), license or transaction, uuid.
    """
    back = CourseEnrollment.objects.filter(
        user_id=OuterRef(f"{_LEARNER}__user_id"), course_id=OuterRef(f"{_enrollment}course_id"), is_active=True
    )
    rows: QuerySet[Any] = kind.objects.filter(
        ~Exists(back.order_by()), enterprise_course_enrollment__unenrolled_at__isnull=False
    )
    if after is not None:
        rows = rows.filter(enterprise_course_enrollment__unenrolled_at__gte=after)
    return rows.order_by(f"{_enrollment}unenrolled_at", "pk").values_list(
        f"{_LEARNER}_id",
        f"{_enrollment}course_id",
        WireTime(f"{_enrollment}unenrolled_at"),
        WireTime(f"{_enrollment}created"),
        SUBSIDY[kind],
        "uuid",
    )


def customers_of_licenses(licenses: Collection[UUID]) -> set[UUID]:
    """The customers whose learners have any of these licenses behind an enrollment, revoked or not; one statement."""
    rows = LicensedEnterpriseCourseEnrollment.objects.filter(license_uuid__in_set=licenses)
    return set(
        rows.filter(enterprise_course_enrollment__isnull=False)
        .order_by()
        .values_list(f"{_LEARNER}__enterprise_customer_id", flat=True)
        .distinct()
    )
