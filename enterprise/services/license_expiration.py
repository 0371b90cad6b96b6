"""Licenses that expire, up to tens of thousands at a time: each customer's become one bulk job.

Contract: enterprise-learners, `bulk_licensed_enrollments_expiration`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, F, Value, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from config.db.sets import analyze, insert_from
from enrollments.models import User
from enterprise.bulk.license_expiration import IGNORE_MODIFIED_AFTER
from enterprise.bulk.staging import ANALYZE_FROM
from enterprise.models import BulkJob, BulkJobRow, LicensedEnterpriseCourseEnrollment

_LEARNER = "enterprise_course_enrollment__enterprise_customer_user"


@transaction.atomic
def submit(
    actor: User, licenses: Collection[UUID], customers: Collection[UUID], untouched_from: datetime | None
) -> list[BulkJob]:
    """Stores one job per customer that has anything to expire; somebody has to run or start them.

    Three statements per customer, however many licenses.

    Args:
        licenses: the licenses that expired; unknown ones are passed over.
        customers: whose licenses may be touched.
        untouched_from: enrollments that changed then or later are left alone; None: none are.
    """
    jobs = (_store(actor, licenses, customer, untouched_from) for customer in sorted(customers))
    return [job for job in jobs if job is not None]


def _store(actor: User, licenses: Collection[UUID], customer: UUID, untouched_from: datetime | None) -> BulkJob | None:
    standing = LicensedEnterpriseCourseEnrollment.objects.filter(
        license_uuid__in_set=licenses,
        is_revoked=False,
        **{f"{_LEARNER}__enterprise_customer_id": customer},
    )
    job = BulkJob.objects.create(
        kind=BulkJob.Kind.LICENSE_EXPIRATION,
        enterprise_customer_id=customer,
        actor=actor,
        state=BulkJob.State.QUEUED,
        options={IGNORE_MODIFIED_AFTER: untouched_from.isoformat() if untouched_from else None},
        heartbeat_at=timezone.now(),
    )
    job.total = len(insert_from(BulkJobRow, standing.order_by("pk"), _columns(job)))
    if not job.total:
        job.delete()
        return None
    job.save(update_fields=["total"])
    if job.total >= ANALYZE_FROM:
        analyze(BulkJobRow)
    return job


def _columns(job: BulkJob) -> dict[str, Any]:
    """The columns of a row over its license."""
    account = F(f"{_LEARNER}__user_id")
    return {
        "job_id": job.pk,
        "position": Window(RowNumber(), order_by=F("pk").asc()) - 1,
        "given_user_id": account,
        "given_email": "",
        "account_id": account,
        "email": Coalesce(F(f"{_LEARNER}__user_fk__email"), Value(""), output_field=CharField()),
        "course_run_key": F("enterprise_course_enrollment__course_id"),
        "course_mode": "",
        "license_uuid": F("license_uuid"),
        "transaction_id": None,
        "fulfillment_uuid": F("uuid"),
        "activation_link": None,
        "force_enrollment": False,
        "is_default_auto_enrollment": False,
        "state": BulkJobRow.State.WAITING.value,
        "created": False,
        "reason_code": "",
        "reason_text": "",
    }
