"""Bulk jobs are carried out in chunks that commit one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from config.db.sets import Overtaken
from enrollments.models import CourseEnrollment
from enterprise.bulk import engine
from enterprise.bulk.enrollment import EnrollmentWork
from enterprise.bulk.rows import Row
from enterprise.bulk.subsidies import Subsidies
from enterprise.models import (
    BulkJob,
    EnterpriseCourseEnrollment,
    EnterpriseCustomerUser,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
)
from enterprise.services import jobs
from tests.enterprise.bulk import SUCCEEDED, failed, row, states, stored
from tests.enterprise.bulk_engine.jobs import State, accounts, fresh
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory

pytestmark = pytest.mark.django_db


# --- Chunks ----------------------------------------------------------------------------------------------------------


def test_a_chunk_costs_the_same_number_of_statements_whatever_its_size(settings):
    assert connection.features.supports_json_field  # SQLite is asked once in a process
    counts = {}
    for size in (50, 500):
        settings.BULK_JOB_CHUNK_SIZE = size
        plain_job, mixed_job = _usual_job(size), _job_with_everything(size)
        counts[size] = (_statements(plain_job), _statements(mixed_job))

    assert counts[50] == counts[500]
    usual, everything = counts[500]
    assert usual <= 40
    assert everything <= 65


def _statements(job: BulkJob) -> int:
    """Statements of one chunk: claim, work, results, counters."""
    work = engine._Engine(job.pk)
    with CaptureQueriesContext(connection) as captured:
        assert work.next_chunk()
    assert fresh(job).done == fresh(job).total
    return len([query for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]])


def _usual_job(size: int) -> BulkJob:
    """New learners, half of them with an account, a mail for each."""
    run = CourseRunFactory(modes=["audit", "verified"])
    with_account = [row(run, account) for account in accounts(size // 2)]
    without = [row(run, email=f"{uuid4().hex}@learners.example") for _ in range(size - size // 2)]
    return stored(EnterpriseCustomerFactory(), *with_account, *without, notify=True)


def _job_with_everything(size: int) -> BulkJob:
    """Everything that can happen to a row, each to many of them."""
    customer = EnterpriseCustomerFactory(default_language="de", enforce_data_sharing_consent="externally_managed")
    other = EnterpriseCustomerFactory()
    run = CourseRunFactory(modes=["audit", "verified"])
    closed = CourseRunFactory(closed=True, modes=["audit"])
    capped = CourseRunFactory(max_student_enrollments_allowed=size // 20, modes=["audit"])
    people = accounts(size // 2)
    fifth = len(people) // 5
    links = EnterpriseCustomerUser.all_objects.bulk_create(
        EnterpriseCustomerUser(
            enterprise_customer=customer, user_id=account.pk, user_fk=account, linked=False, active=False
        )
        for account in people[: 3 * fifth]
    )
    EnterpriseCustomerUser.all_objects.bulk_create(
        EnterpriseCustomerUser(enterprise_customer=other, user_id=account.pk, user_fk=account) for account in people
    )
    CourseEnrollment.objects.bulk_create(
        CourseEnrollment(user=account, course_id=run.pk, mode="audit", is_active=False)
        for account in people[: 3 * fifth]
    )
    enrollments = EnterpriseCourseEnrollment.all_objects.bulk_create(
        EnterpriseCourseEnrollment(
            enterprise_customer=customer,
            enterprise_customer_user=link,
            course_id=run.pk,
            unenrolled=True,
            saved_for_later=True,
        )
        for link in links
    )
    licenses = LicensedEnterpriseCourseEnrollment.objects.bulk_create(
        LicensedEnterpriseCourseEnrollment(enterprise_course_enrollment=each, license_uuid=uuid4(), is_revoked=True)
        for each in enrollments[: 2 * fifth]
    )
    LearnerCreditEnterpriseCourseEnrollment.objects.bulk_create(
        LearnerCreditEnterpriseCourseEnrollment(
            enterprise_course_enrollment=each, transaction_id=uuid4(), is_revoked=True
        )
        for each in enrollments[2 * fifth :]
    )
    waiting = PendingEnterpriseCustomerUser.objects.bulk_create(
        PendingEnterpriseCustomerUser(enterprise_customer=customer, user_email=f"{uuid4().hex}@learners.example")
        for _ in range(fifth)
    )
    PendingEnrollment.objects.bulk_create(
        PendingEnrollment(user=each, course_id=run.pk, course_mode="audit", transaction_id=uuid4()) for each in waiting
    )
    rows = [
        *(
            row(run, account, license_uuid=paid.license_uuid)
            for account, paid in zip(people, licenses[:fifth], strict=False)
        ),
        *(row(run, account) for account in people[fifth : 2 * fifth]),
        *(row(run, account, transaction_id=uuid4()) for account in people[2 * fifth : 3 * fifth]),
        *(row(closed, account) for account in people[3 * fifth : 4 * fifth]),
        *(row(capped, account, transaction_id=uuid4()) for account in people[4 * fifth :]),
        *(row(run, email=each.user_email, transaction_id=uuid4()) for each in waiting),
        *(row(run, email=each.user_email) for each in waiting),
    ]
    rows += [row(run, email=f"{uuid4().hex}@learners.example") for _ in range(size - len(rows))]
    return stored(customer, *rows, notify=True)


def test_every_chunk_commits_and_counts_for_itself(customer, run, settings):
    settings.BULK_JOB_CHUNK_SIZE = 2
    job = stored(customer, *(row(run, account) for account in accounts(5)))
    work = engine._Engine(job.pk)

    done = []
    while work.next_chunk():
        done.append(fresh(job).done)

    assert done == [2, 4, 5]
    assert fresh(job).succeeded == 5


def test_a_row_that_breaks_fails_alone_and_is_logged(customer, run, monkeypatch, caplog):
    people = accounts(7)
    broken = people[3].pk
    attach = Subsidies.attach

    def break_on_one(self: Subsidies, account_id: int, given: Row, *, changed: bool) -> Any:
        if account_id == broken:
            raise RuntimeError("no such thing")
        return attach(self, account_id, given, changed=changed)

    monkeypatch.setattr(Subsidies, "attach", break_on_one)

    job = jobs.run(stored(customer, *(row(run, account) for account in people)))

    assert states(job.rows.all()) == [*[SUCCEEDED] * 3, failed("internal-error"), *[SUCCEEDED] * 3]
    assert (job.state, job.done, job.succeeded, job.failed) == (State.FINISHED, 7, 6, 1)
    assert not CourseEnrollment.objects.filter(user_id=broken).exists()
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "no such thing" in str(record.exc_info[1])


def test_a_chunk_is_tried_again_when_the_database_could_not_carry_it_out_at_that_moment(customer, run, monkeypatch):
    tries = _break(monkeypatch, [_deadlock(), Overtaken("2 of 3 rows inserted")])

    job = jobs.run(stored(customer, *(row(run, account) for account in accounts(3))))

    assert job.succeeded == 3
    assert len(tries) == 3


def test_a_database_that_stays_out_of_order_leaves_the_rows_waiting(customer, run, monkeypatch):
    job = stored(customer, row(run, *accounts(1)))
    tries = _break(monkeypatch, [_deadlock() for _ in range(engine.TRIES)])

    with pytest.raises(OperationalError):
        jobs.run(job)

    assert len(tries) == engine.TRIES
    assert fresh(job).state == State.RUNNING
    assert job.rows.get().state == "waiting"
    assert jobs.run(job).succeeded == 1


def _break(monkeypatch: pytest.MonkeyPatch, errors: list[Exception]) -> list[int]:
    """Has the first calls of a chunk's work fail after it was done; returns a list that grows with each call."""
    tries: list[int] = []
    work = EnrollmentWork.work

    def fail_at_first(self: EnrollmentWork, claimed: Sequence[Row]) -> Any:
        tries.append(len(claimed))
        counted = work(self, claimed)
        if errors:
            raise errors.pop(0)
        return counted

    monkeypatch.setattr(EnrollmentWork, "work", fail_at_first)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return tries


def _deadlock() -> OperationalError:
    """As the database in use reports it."""
    error = OperationalError("database is locked")
    error.__cause__ = type("DeadlockDetected", (Exception,), {"sqlstate": "40P01"})()
    return error


# --- Order -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needs_order", "facts"),
    [(True, {"max_student_enrollments_allowed": 1}), (False, {})],
    ids=["capped", "not capped"],
)
def test_jobs_for_runs_with_limited_seats_are_worked_in_order(customer, needs_order, facts):
    run = CourseRunFactory(modes=["audit"], **facts)

    job = stored(customer, *(row(run, account) for account in accounts(2)))

    assert fresh(job).options["in_order"] is needs_order


def test_jobs_that_name_a_learner_twice_for_one_run_are_worked_in_order(customer, run):
    (account,) = accounts(1)
    other = CourseRunFactory()

    twice = stored(customer, row(run, account), row(run, email=account.email.upper()))
    once_each = stored(customer, row(run, account), row(other, account))

    assert (fresh(twice).options["in_order"], fresh(once_each).options["in_order"]) == (True, False)
