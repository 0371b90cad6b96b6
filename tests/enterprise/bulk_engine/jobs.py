"""Accounts for the rows of a job, and the job as it is stored."""

from __future__ import annotations

from uuid import uuid4

from enrollments.models import User
from enterprise.models import BulkJob

State = BulkJob.State


def accounts(number: int) -> list[User]:
    prefix = uuid4().hex[:8]
    made = [User(username=f"{prefix}-{n}", email=f"{prefix}-{n}@learners.example") for n in range(number)]
    return User.objects.bulk_create(made)


def fresh(job: BulkJob) -> BulkJob:
    return BulkJob.objects.get(pk=job.pk)
