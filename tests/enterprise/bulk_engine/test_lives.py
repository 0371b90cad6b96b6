"""Bulk jobs begin, stop, are taken up again and end, by processes that may fail or meet."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from enrollments.models import CourseEnrollment, CourseMode, CourseOverview, OutboxMessage, User
from enterprise.bulk import engine
from enterprise.bulk.enrollment import EnrollmentWork
from enterprise.bulk.rows import Row, RowInput
from enterprise.models import (
    BulkJob,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    LicensedEnterpriseCourseEnrollment,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
)
from enterprise.services import jobs
from tests.enterprise.bulk import PENDING, PENDING_SEEN, SEEN, SUCCEEDED, failed, row, states, stored
from tests.enterprise.bulk_engine.jobs import State, accounts, fresh
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory, UserFactory
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db


# --- A job's life ----------------------------------------------------------------------------------------------------


def test_a_job_is_stored_whole_before_it_is_worked_on(customer, run):
    people = accounts(2)

    job = stored(customer, row(run, people[0]), row(run, email="nobody"), row(run, email="new@learners.example"))

    assert (job.state, job.total, job.done, job.invalid) == (State.QUEUED, 3, 1, 1)
    assert (fresh(job).state, fresh(job).total, fresh(job).done) == (State.QUEUED, 3, 1)
    assert list(job.rows.values_list("position", "state")) == [(0, "waiting"), (1, "invalid"), (2, "waiting")]
    assert not CourseEnrollment.objects.exists()


def test_more_rows_than_a_batch_are_stored_in_order(customer, run):
    addresses = [f"learner{n}@learners.example" for n in range(2_100)]

    job = jobs.create(customer, None, (row(run, email=each) for each in addresses), notify=False, discount=Decimal(0))

    assert job.total == 2_100
    assert list(job.rows.order_by("position").values_list("given_email", flat=True)) == addresses


def test_rows_keep_what_was_sent(customer, run):
    sent = RowInput(
        user_id=None,
        email="Ann@learners.example",
        course_run_key=run.pk,
        license_uuid=uuid4(),
        activation_link="https://learn.example/a?b=c",
        force_enrollment=True,
        is_default_auto_enrollment=True,
    )

    kept = stored(customer, sent).rows.get()

    assert (kept.given_email, kept.email, kept.license_uuid) == (sent.email, "ann@learners.example", sent.license_uuid)
    assert (kept.activation_link, kept.force_enrollment, kept.is_default_auto_enrollment) == (
        sent.activation_link,
        True,
        True,
    )
    assert kept.fulfillment_uuid.version == 4


def test_a_job_without_rows_finishes(customer):
    job = jobs.run(stored(customer))

    assert (job.state, job.total) == (State.FINISHED, 0)
    assert job.started_at <= job.finished_at


def test_rows_that_cannot_be_read_to_the_end_leave_no_job(customer, run):
    def half() -> Any:
        yield row(run, email="a@learners.example")
        raise ValueError("the upload broke off")

    with pytest.raises(ValueError, match="broke off"):
        jobs.create(customer, None, half(), notify=False, discount=Decimal(0))

    assert not BulkJob.objects.exists()


def test_a_repeated_idempotency_key_stores_nothing(customer, run):
    options = {"notify": False, "discount": Decimal(0), "idempotency_key": "k", "body_hash": "h"}
    boss = UserFactory()
    first = jobs.create(customer, boss, [row(run, email="a@learners.example")], **options)

    with pytest.raises(IntegrityError):
        jobs.create(customer, boss, [row(run, email="a@learners.example")], **options)

    assert list(BulkJob.objects.all()) == [first]


def test_working_on_a_job_that_ended_changes_nothing(customer, run):
    job = jobs.run(stored(customer, row(run, *accounts(1))))

    assert engine.work(job.pk) is False
    assert fresh(job).finished_at == job.finished_at


def test_the_workers_finish_a_job_slice_by_slice(customer, run, settings, django_capture_on_commit_callbacks):
    settings.BULK_JOB_CHUNK_SIZE, settings.BULK_JOB_SLICE_SECONDS = 1, 0
    job = stored(customer, *(row(run, account) for account in accounts(3)))

    with django_capture_on_commit_callbacks(execute=True):
        jobs.start(job)

    assert (fresh(job).state, fresh(job).succeeded) == (State.FINISHED, 3)


def test_a_slice_ends_when_its_time_is_up(customer, run, settings):
    settings.BULK_JOB_CHUNK_SIZE = 1
    job = stored(customer, *(row(run, account) for account in accounts(3)))

    assert engine.work(job.pk, seconds=0) is True
    assert (fresh(job).state, fresh(job).done) == (State.RUNNING, 1)


def test_a_waiting_job_can_be_cancelled(customer, run, django_capture_on_commit_callbacks):
    job = stored(customer, row(run, *accounts(1)), row(run, email="nobody"))

    with django_capture_on_commit_callbacks(execute=True):
        jobs.cancel(job)

    job = fresh(job)
    assert (job.state, job.done, job.cancelled, job.invalid) == (State.CANCELLED, 2, 1, 1)
    assert job.finished_at is not None
    assert [each.reason_code for each in job.rows.all()] == ["cancelled", "invalid-email"]


def test_cancelling_lets_the_chunk_under_way_finish(customer, run, settings, monkeypatch):
    settings.BULK_JOB_CHUNK_SIZE = 2
    job = stored(customer, *(row(run, account) for account in accounts(5)))
    work = EnrollmentWork.work

    def cancelled_meanwhile(self: EnrollmentWork, claimed: Sequence[Row]) -> Any:
        BulkJob.objects.filter(pk=job.pk).update(state=State.CANCELLING)
        return work(self, claimed)

    monkeypatch.setattr(EnrollmentWork, "work", cancelled_meanwhile)

    job = jobs.run(job)

    assert (job.state, job.succeeded, job.cancelled, job.done) == (State.CANCELLED, 2, 3, 5)
    assert CourseEnrollment.objects.count() == 2


def test_a_job_that_ended_cannot_be_cancelled(customer, run):
    job = jobs.run(stored(customer, row(run, *accounts(1))))

    assert jobs.cancel(job).state == State.FINISHED


def test_failed_rows_can_be_tried_again(customer, django_capture_on_commit_callbacks):
    closed = CourseRunFactory(closed=True, modes=["audit"])
    good, late = accounts(2)
    open_run = CourseRunFactory(modes=["audit"])
    job = jobs.run(stored(customer, row(open_run, good), row(closed, late), row(open_run, email="nobody"), notify=True))
    assert (job.succeeded, job.failed, job.invalid) == (1, 1, 1)
    CourseOverview.objects.filter(pk=closed.pk).update(enrollment_end=None)
    CourseMode.objects.filter(course_id=closed.pk).update(mode_slug="verified")

    with django_capture_on_commit_callbacks(execute=True):
        jobs.retry(job)

    job = fresh(job)
    assert (job.state, job.done, job.succeeded, job.failed, job.invalid) == (State.FINISHED, 3, 2, 0, 1)
    assert job.attempt == 1
    assert CourseEnrollment.objects.get(user=late).mode == "verified"
    assert OutboxMessage.objects.filter(key__startswith=f"bulk:{job.pk}:").count() == 2


def test_a_job_without_failed_rows_is_not_tried_again(customer, run):
    job = jobs.run(stored(customer, row(run, *accounts(1))))

    again = jobs.retry(job)

    assert (again.state, again.attempt) == (State.FINISHED, 0)


def test_the_sweep_hands_silent_jobs_to_the_workers(customer, run, django_capture_on_commit_callbacks):
    people = accounts(4)
    silent, alive = stored(customer, row(run, people[0]), row(run, people[1])), stored(customer, row(run, people[2]))
    _silence(silent, State.RUNNING)

    with django_capture_on_commit_callbacks(execute=True):
        jobs.sweep()

    assert (fresh(silent).state, fresh(silent).succeeded) == (State.FINISHED, 2)
    assert fresh(alive).state == State.QUEUED


def test_the_sweep_ends_jobs_whose_rows_are_done(customer, run, django_capture_on_commit_callbacks):
    job = jobs.run(stored(customer, row(run, *accounts(1))))
    _silence(job, State.RUNNING)

    with django_capture_on_commit_callbacks(execute=True):
        jobs.sweep()

    assert fresh(job).state == State.FINISHED


def test_a_job_in_the_queue_is_swept_once_per_stale_period(customer, run, django_capture_on_commit_callbacks):
    job = stored(customer, row(run, *accounts(1)))
    _silence(job, State.QUEUED)

    with django_capture_on_commit_callbacks() as first:
        jobs.sweep()
    with django_capture_on_commit_callbacks() as second:
        jobs.sweep()

    assert (len(first), len(second)) == (1, 0)


def test_a_job_whose_request_died_while_it_was_stored_is_cancelled_and_its_key_is_free(customer, run):
    boss = UserFactory()
    options = {"notify": False, "discount": Decimal(0), "idempotency_key": "k", "body_hash": "h"}
    job = jobs.create(customer, boss, [row(run, email="a@learners.example")], **options)
    _silence(job, State.STAGING)

    jobs.sweep()

    dead = fresh(job)
    assert (dead.state, dead.cancelled, dead.done, dead.idempotency_key) == (State.CANCELLED, 1, 1, "")
    assert dead.rows.get().reason_code == "not-submitted"
    assert jobs.create(customer, boss, [row(run, email="a@learners.example")], **options).pk != job.pk


def test_a_job_that_is_still_being_stored_is_left_alone(customer, run):
    job = stored(customer, row(run, *accounts(1)))
    BulkJob.objects.filter(pk=job.pk).update(state=State.STAGING)

    jobs.sweep()

    assert fresh(job).state == State.STAGING


def _silence(job: BulkJob, state: str) -> None:
    BulkJob.objects.filter(pk=job.pk).update(
        state=state, heartbeat_at=timezone.now() - timedelta(minutes=5), finished_at=None
    )


def test_old_jobs_are_deleted_with_their_rows(customer, run, settings):
    old, new = (jobs.run(stored(customer, row(run, account))) for account in accounts(2))
    unfinished = stored(customer, row(run, *accounts(1)))
    long_ago = timezone.now() - timedelta(days=settings.BULK_JOB_RETENTION_DAYS + 1)
    BulkJob.objects.filter(pk__in=[old.pk, unfinished.pk]).update(created=long_ago)
    BulkJob.objects.filter(pk=old.pk).update(finished_at=long_ago)

    assert jobs.prune() == 1
    assert set(BulkJob.objects.values_list("pk", flat=True)) == {new.pk, unfinished.pk}
    assert CourseEnrollment.objects.count() == 2


# --- Processes that meet ---------------------------------------------------------------------------------------------


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_jobs_on_the_same_learners_do_not_deadlock(settings, caplog):
    settings.BULK_JOB_CHUNK_SIZE = 20
    run = CourseRunFactory(modes=["audit", "verified"])
    people = accounts(120)
    addresses = [f"{uuid4().hex}@learners.example" for _ in range(80)]
    shuffled = [_shuffled_job(EnterpriseCustomerFactory(), run, people, addresses) for _ in range(2)]

    errors = at_once(*(_running(job) for job in shuffled))

    assert errors == []
    assert not [record for record in caplog.records if "tried again" in record.getMessage()]
    assert all(fresh(job).state == State.FINISHED and fresh(job).failed == 0 for job in shuffled)
    assert CourseEnrollment.objects.count() == len(people)
    assert EnterpriseCustomerUser.all_objects.filter(active=True).count() == len(people)
    created = [each for job in shuffled for each in job.rows.filter(state="succeeded", created=True)]
    assert len(created) == len(people)


def _shuffled_job(customer: EnterpriseCustomer, run: Any, people: list[User], addresses: list[str]) -> BulkJob:
    rows = [row(run, account) for account in people] + [row(run, email=address) for address in addresses]
    random.shuffle(rows)
    return stored(customer, *rows)


def _running(job: BulkJob) -> Callable[[], object]:
    return lambda: jobs.run(job)


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_jobs_of_one_customer_agree_on_every_learner(settings):
    settings.BULK_JOB_CHUNK_SIZE = 10
    customer, run = EnterpriseCustomerFactory(), CourseRunFactory(modes=["audit"])
    people = accounts(40)
    addresses = [f"{uuid4().hex}@learners.example" for _ in range(40)]
    both = [_shuffled_job(customer, run, people, addresses) for _ in range(2)]

    assert at_once(*(_running(job) for job in both)) == []

    results = [each for job in both for each in job.rows.all()]
    outcomes = sorted(states(results))
    # One of the two licenses that each learner was given holds, the other is a conflict.
    conflicts = [failed("subsidy-conflict")] * 80
    assert outcomes == sorted([*[SUCCEEDED] * 40, *[PENDING] * 40, *conflicts])
    assert PendingEnterpriseCustomerUser.objects.count() == PendingEnrollment.objects.count() == 40
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 40


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_jobs_never_sell_a_seat_twice(settings):
    settings.BULK_JOB_CHUNK_SIZE = 5
    run = CourseRunFactory(modes=["audit"], max_student_enrollments_allowed=25)
    both = [stored(EnterpriseCustomerFactory(), *(row(run, each) for each in accounts(30))) for _ in range(2)]

    assert at_once(*(_running(job) for job in both)) == []

    assert CourseEnrollment.objects.filter(course_id=run.pk).count() == 25
    assert sum(fresh(job).failed for job in both) == 35


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_processes_share_a_job_without_meeting(settings):
    settings.BULK_JOB_CHUNK_SIZE = 10
    customer, run = EnterpriseCustomerFactory(), CourseRunFactory(modes=["audit"])
    addresses = [f"{uuid4().hex}@learners.example" for _ in range(100)]
    job = stored(
        customer,
        *(row(run, account) for account in accounts(100)),
        *(row(run, email=a) for a in addresses),
        notify=True,
    )

    assert at_once(_running(job), _running(job)) == []

    done = fresh(job)
    assert (done.state, done.succeeded, done.pending, done.done) == (State.FINISHED, 100, 100, 200)
    assert OutboxMessage.objects.count() == 200


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_a_job_worked_in_order_has_one_process_at_a_time():
    customer, run = EnterpriseCustomerFactory(), CourseRunFactory(modes=["audit"])
    (account,) = accounts(1)
    transaction_id = uuid4()
    job = stored(customer, *[row(run, account, transaction_id=transaction_id)] * 3)
    engine._begin(job.pk)
    meanwhile: list[bool] = []

    with transaction.atomic():
        BulkJob.objects.select_for_update().get(pk=job.pk)
        assert at_once(lambda: meanwhile.append(engine._Engine(job.pk).next_chunk())) == []

    assert meanwhile == [False]
    assert fresh(job).done == 0
    assert states(jobs.run(job).rows.all()) == [SUCCEEDED, SEEN, SEEN]


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_a_pending_learner_made_by_another_job_in_between_is_shared(settings):
    customer = EnterpriseCustomerFactory()
    runs = [CourseRunFactory(modes=["audit"]) for _ in range(2)]
    addresses = [f"{uuid4().hex}@learners.example" for _ in range(60)]
    both = [_shuffled_job(customer, run, [], addresses) for run in runs]

    assert at_once(*(_running(job) for job in both)) == []

    assert PendingEnterpriseCustomerUser.objects.count() == 60
    assert PendingEnrollment.objects.count() == 120
    assert PENDING_SEEN not in states(each for job in both for each in job.rows.all())
