"""Unlinking many learners as a job, for callers who will not wait (contract: enterprise-customers, unlink_users)."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from config.db.sets import insert_rows
from enrollments.models import User
from enterprise.bulk.staging import COLUMNS
from enterprise.models import BulkJob, BulkJobRow, EnterpriseCustomer
from enterprise.queries.emails import lowered


@transaction.atomic
def submit(customer: EnterpriseCustomer, actor: User, emails: Collection[str], is_relinkable: bool) -> BulkJob:
    """Stores the job; somebody has to run or start it. An address that is given twice makes one row.

    Args:
        is_relinkable: false removes the learners for good.
    """
    first_spelling: dict[str, str] = {}
    for email in emails:
        first_spelling.setdefault(lowered(email), email)
    job = BulkJob.objects.create(
        kind=BulkJob.Kind.UNLINK,
        enterprise_customer=customer,
        actor=actor,
        state=BulkJob.State.QUEUED,
        total=len(first_spelling),
        options={"is_relinkable": is_relinkable},
        heartbeat_at=timezone.now(),
    )
    insert_rows(BulkJobRow, COLUMNS, (_row(job, number, each) for number, each in enumerate(first_spelling.values())))
    return job


def _row(job: BulkJob, position: int, email: str) -> tuple[object, ...]:
    values: dict[str, object] = {
        "job_id": job.pk,
        "position": position,
        "given_email": email,
        "email": email[: BulkJobRow._meta.get_field("email").max_length],
        "fulfillment_uuid": uuid4(),
        "state": BulkJobRow.State.WAITING.value,
        "course_run_key": "",
        "course_mode": "",
        "force_enrollment": False,
        "is_default_auto_enrollment": False,
        "created": False,
        "reason_code": "",
        "reason_text": "",
    }
    return tuple(values.get(column) for column in COLUMNS)
