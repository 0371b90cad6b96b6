"""How bulk jobs are carried out: in chunks that commit one by one, by processes that may fail."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.db.sets import Overtaken
from enrollments.models import CourseEnrollment, CourseMode, CourseOverview, OutboxMessage, User
from enterprise.bulk import engine
from enterprise.bulk.enrollment import EnrollmentWork
from enterprise.bulk.rows import Row, RowInput
from enterprise.bulk.subsidies import Subsidies
from enterprise.models import (
    BulkJob,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
)
from enterprise.services import jobs
from tests.enterprise.bulk import PENDING, PENDING_SEEN, SEEN, SUCCEEDED, failed, row, states, stored
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory, UserFactory
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
State = BulkJob.State


def accounts(number: int) -> list[User]:
    prefix = uuid4().hex[:8]
    made = [User(username=f"{prefix}-{n}", email=f"{prefix}-{n}@learners.example") for n in range(number)]
    return User.objects.bulk_create(made)


def fresh(job: BulkJob) -> BulkJob:
    return BulkJob.objects.get(pk=job.pk)


# --- Chunks ----------------------------------------------------------------------------------------------------------


def test_a_chunk_costs_the_same_number_of_statements_whatever_its_size(settings):
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
