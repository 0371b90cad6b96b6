"""Bulk enrollment requests: what the caller sent, checked, and the job it becomes.

Contract: enterprise-learners, `POST .../enroll_learners_in_courses/`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError
from rest_framework.exceptions import ValidationError
from rest_framework.fields import BooleanField, CharField, DecimalField, Field

from config.api.exceptions import Refusal
from enrollments.models import User
from enterprise.bulk import engine
from enterprise.bulk.rows import RowInput
from enterprise.models import BulkJob, EnterpriseCustomer
from enterprise.services import jobs
from enterprise.services.bulk_csv import Roster
from enterprise.services.bulk_rows import NON_FIELD_ERRORS, NULL, check_row

# The older name comes first: its errors do, too.
LISTS = ("licenses_info", "enrollments_info")
DEFAULT_DISCOUNT = Decimal(100)
LARGEST_DISCOUNT = Decimal("999.99999")
LONGEST_KEY = 255  # characters of an Idempotency-Key
PATIENCE = 60.0  # seconds that a request waits for rows that another process has

# Spelt as clients know them.
NO_LIST = "Must include the `enrollment_info` parameter in request."
TWO_LISTS = "`licenses_info` must be ommitted if `enrollments_info` is present."


class _Percentage(DecimalField):
    """A number that is checked and left as it is: rounding one with hundreds of digits would fail."""

    def quantize(self, value: Decimal) -> Decimal:
        return value


OPTIONS: dict[str, Field] = {
    "discount": _Percentage(max_digits=None, decimal_places=5, min_value=0, max_value=LARGEST_DISCOUNT),
    "notify": BooleanField(),
    # Accepted and ignored.
    "reason": CharField(allow_blank=True, allow_null=True),
    "salesforce_id": CharField(allow_blank=True, allow_null=True),
}

ANOTHER_BODY = "This Idempotency-Key was used for a request with another body."
STILL_AT_WORK = "The request with this Idempotency-Key is still being worked on."
KEY_TOO_LONG = f"An Idempotency-Key has at most {LONGEST_KEY} characters."


@dataclass(frozen=True, slots=True)
class Submission:
    """A request that can be carried out.

    Args:
        rows: may be read more than once.
        notify: whether learners who are newly enrolled get a mail.
        discount: percentage, kept with pending enrollments.
    """

    rows: Collection[RowInput] | Roster
    notify: bool
    discount: Decimal

    def fingerprint(self) -> str:
        """The same for requests that ask for the same, whatever their form."""
        digest = hashlib.sha256(f"{self.notify} {self.discount.normalize()}".encode())
        for row in self.rows:
            digest.update(repr(row).encode(errors="backslashreplace"))
        return digest.hexdigest()


def from_json(data: Any) -> Submission:
    """Checks the body of a request. Its list is used up: rows are replaced one by one, so that memory does not grow.

    Raises:
        Refusal: 400 with the errors as the contract has them.
    """
    if not isinstance(data, Mapping):
        message = "No data provided" if data is None else _no_dictionary(data)
        raise Refusal("", body={NON_FIELD_ERRORS: [message]})
    errors: dict[str, Any] = {}
    lists = {name: _checked_list(name, data[name], errors) for name in LISTS if name in data}
    options = _options(data, errors)
    if errors:
        raise Refusal("", body=errors)
    filled = [rows for rows in lists.values() if rows]
    if len(filled) != 1:
        raise Refusal("", body={NON_FIELD_ERRORS: [TWO_LISTS if filled else NO_LIST]})
    return Submission(filled[0], **options)


def from_csv(file: IO[bytes], charset: str, options: Mapping[str, Any]) -> Submission:
    """Checks a roster and what was sent beside it.

    Args:
        file: seekable, stays open as long as the submission is used.
        charset: the file's encoding as the sender named it; empty: told from its bytes.
        options: `notify`, `discount`.
    Raises:
        Refusal: 400; `errors` names line and column.
    """
    errors: dict[str, Any] = {}
    checked = _options(options, errors)
    if errors:
        raise Refusal("", body=errors)
    return Submission(Roster(file, charset), **checked)


def submit(
    customer: EnterpriseCustomer, actor: User, submission: Submission, idempotency_key: str = ""
) -> tuple[BulkJob, bool]:
    """Stores the job of a request, or finds the one that an earlier request with the same key made.

    Args:
        idempotency_key: the caller's name for this request; empty: none. Keys are the caller's own, per customer.
    Returns:
        The job, and whether it is new: then somebody has to run or start it.
    Raises:
        Refusal: 400 for a key that is too long, 422 for one used with another body, 409 for one whose first request is
            still storing its rows.
    """
    if not idempotency_key:
        return _create(customer, actor, submission), True
    if len(idempotency_key) > LONGEST_KEY:
        raise Refusal(KEY_TOO_LONG)
    body_hash = submission.fingerprint()
    earlier = BulkJob.objects.filter(enterprise_customer=customer, actor=actor, idempotency_key=idempotency_key)
    job = earlier.first()
    if job is None:
        try:
            return _create(customer, actor, submission, idempotency_key=idempotency_key, body_hash=body_hash), True
        except IntegrityError:  # the same request came twice at once, and the other one was faster
            job = earlier.first()
            if job is None:
                raise
    if job.body_hash != body_hash:
        raise Refusal(ANOTHER_BODY, status=422)
    if job.state == BulkJob.State.STAGING:
        raise Refusal(STILL_AT_WORK, status=409)
    return job, False


def carry_out(job: BulkJob) -> BulkJob:
    """Works a new job to its end in this process; waits for rows that another process has.

    Raises:
        Refusal: 409 if the other process does not come to an end; the job goes on and can be asked for.
    """
    patience = time.monotonic() + PATIENCE
    job = jobs.run(job)
    while job.state not in jobs.ENDED:
        if time.monotonic() >= patience:
            raise Refusal(STILL_AT_WORK, status=409)
        time.sleep(0.2)
        job = jobs.run(job)
    return job


def ended(job: BulkJob) -> BulkJob:
    """The job of a repeated request, if its results are complete.

    Raises:
        Refusal: 409 while the first request is being worked on.
    """
    if job.state not in jobs.ENDED:
        raise Refusal(STILL_AT_WORK, status=409)
    return job


def resume_or_submit(customer: EnterpriseCustomer, actor: User | None, submission: Submission) -> tuple[BulkJob, bool]:
    """The job of a roster: the one that was left unfinished when the same roster was enrolled before, else a new one.

    Returns:
        The job, and whether it was begun before.
    """
    fingerprint = submission.fingerprint()
    prefix = f"roster:{fingerprint}:"
    begun = BulkJob.objects.filter(
        enterprise_customer=customer,
        actor=actor,
        idempotency_key__startswith=prefix,
        state__in=[BulkJob.State.QUEUED, BulkJob.State.RUNNING],
    )
    job = begun.order_by("-created").first()
    if job is not None:
        return job, True
    # A roster whose job has ended may be enrolled again: the key differs.
    key = prefix + uuid4().hex
    return _create(customer, actor, submission, idempotency_key=key, body_hash=fingerprint), False


def progress(job: BulkJob, seconds: float = 0.5) -> Iterator[BulkJob]:
    """Works a job to its end in this process and shows it in between, about every so many seconds, and at the end."""
    while True:
        before = job.done
        engine.work(job.pk, seconds)
        job.refresh_from_db()
        yield job
        if job.state in jobs.ENDED:
            return
        if job.done == before:  # another process has the rows that are left
            time.sleep(seconds)


def _create(
    customer: EnterpriseCustomer,
    actor: User | None,
    submission: Submission,
    *,
    idempotency_key: str = "",
    body_hash: str = "",
) -> BulkJob:
    return jobs.create(
        customer,
        actor,
        submission.rows,
        notify=submission.notify,
        discount=submission.discount,
        idempotency_key=idempotency_key,
        body_hash=body_hash,
    )


def _checked_list(name: str, rows: Any, errors: dict[str, Any]) -> list[RowInput]:
    if rows is None:
        errors[name] = [NULL]
    elif not isinstance(rows, list):
        errors[name] = {NON_FIELD_ERRORS: [f'Expected a list of items but got type "{type(rows).__name__}".']}
    elif len(rows) > settings.BULK_JOB_MAX_ROWS:
        limit = settings.BULK_JOB_MAX_ROWS
        errors[name] = {NON_FIELD_ERRORS: [f"Ensure this field has no more than {limit} elements."]}
    else:
        wrong = {}
        for position, row in enumerate(rows):
            checked = check_row(row)
            if isinstance(checked, RowInput):
                rows[position] = checked
            else:
                wrong[position] = checked
        if not wrong:
            return rows
        errors[name] = [wrong.get(position, {}) for position in range(len(rows))]
    return []


def _options(data: Mapping[str, Any], errors: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"discount": DEFAULT_DISCOUNT, "notify": False}
    for name, field in OPTIONS.items():
        if name not in data:
            continue
        try:
            values[name] = field.run_validation(data[name])
        except ValidationError as error:
            errors[name] = error.detail
    return {"discount": values["discount"], "notify": values["notify"]}


def _no_dictionary(data: Any) -> str:
    return f"Invalid data. Expected a dictionary, but got {type(data).__name__}."
