"""Records of consent that are missing: made and completed for many enterprise enrollments.

Contract: enterprise-learners, DataSharingConsent and Background work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from config.api.exceptions import Refusal
from config.db.history import acting_account_id
from config.db.sets import insert_given, record_history
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import Course
from enterprise.models import DataSharingConsent, EnterpriseCourseEnrollment, EnterpriseCustomer
from enterprise.queries.consents import ConsentStanding, standings


class Written(NamedTuple):
    """How many records were made, and how many that had no answer have one now."""

    created: int
    repaired: int


def write_missing(
    customer: EnterpriseCustomer,
    granted: bool,
    batch_limit: int,
    *,
    course_id: str | None = None,
    dry_run: bool = False,
) -> Iterator[Written]:
    """Gives the enterprise enrollments of linked learners an answer where neither run nor course has one.

    Batch by batch, each a transaction with a fixed number of statements. A record of the run without an answer gets it;
    where there is none, one is made for the run. What learners answered is left alone.

    Args:
        granted: the answer.
        batch_limit: how many enterprise enrollments a batch looks at.
        course_id: only for this run, or the runs of this course.
        dry_run: only count.
    Raises:
        Refusal: there is no such course, and it is no key of a run.
    """
    if course_id is not None and not _is_known(course_id):
        raise Refusal(f"There is no course {course_id!r}.")
    return _batches(customer, granted, batch_limit, course_id, dry_run)


def _batches(
    customer: EnterpriseCustomer, granted: bool, batch_limit: int, course_id: str | None, dry_run: bool
) -> Iterator[Written]:
    enrollments = EnterpriseCourseEnrollment.objects.filter(enterprise_customer=customer).order_by("pk")
    last = 0
    while ids := list(enrollments.filter(pk__gt=last).values_list("pk", flat=True)[:batch_limit]):
        with transaction.atomic():
            missing = [
                each
                for each in standings(ids)
                if each.granted is None and (course_id is None or course_id in (each.run_key, each.course_key))
            ]
            new = [each for each in missing if each.record_id is None]
            open_ids = [each.record_id for each in missing if each.record_id is not None]
            if dry_run:
                written = Written(len(new), len(open_ids))
            else:
                written = Written(_create(customer.pk, new, granted), _answer(open_ids, granted))
        yield written
        last = ids[-1]


def _is_known(course_id: str) -> bool:
    try:
        return CourseKey.parse(course_id).run is not None
    except InvalidCourseKey:
        return Course.objects.filter(key=course_id).exists()


def _create(customer_id: UUID, missing: Sequence[ConsentStanding], granted: bool) -> int:
    now = timezone.now()
    made = insert_given(
        DataSharingConsent,
        ("username", "course_id"),
        [(each.username, each.run_key) for each in missing],
        {"enterprise_customer_id": customer_id, "granted": granted, "created": now, "modified": now},
        order_by=("username", "course_id"),
    )
    record_history(DataSharingConsent, [pk for (pk,) in made], "+", user_id=acting_account_id())
    return len(made)


def _answer(record_ids: Sequence[int], granted: bool) -> int:
    if not record_ids:
        return 0
    # The learner may answer at this moment.
    still_open = DataSharingConsent.objects.filter(pk__in_set=record_ids, granted__isnull=True).order_by("pk")
    ids = list(still_open.select_for_update(no_key=True).values_list("pk", flat=True))
    DataSharingConsent.objects.filter(pk__in_set=ids).update(granted=granted, modified=timezone.now())
    record_history(DataSharingConsent, ids, "~", user_id=acting_account_id())
    return len(ids)
