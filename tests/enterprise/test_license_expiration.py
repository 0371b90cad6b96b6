"""Licenses that expire, many at a time (contract: enterprise-learners, bulk license expiration; bulk engine)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrollments.models import CourseEnrollment, User
from enterprise.bulk import engine
from enterprise.bulk.license_expiration import LicenseExpirationWork
from enterprise.models import (
    BulkJob,
    BulkJobRow,
    EnterpriseCustomerUser,
    LicensedEnterpriseCourseEnrollment,
)
from enterprise.services import jobs, license_expiration
from tests import factories
from tests.enterprise.subsidies import FLAGGED, NEVER, RUN, callers, enrolled, flags, history, is_revoked, plain
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
PATH = "/enterprise/api/v1/licensed-enterprise-course-enrollment/bulk_licensed_enrollments_expiration/"
NO_LICENSES = "Parameter expired_license_uuids must be provided"
MALFORMED = "Parameter ignore_enrollments_modified_after is malformed, please provide a date in ISO-8601 format"
MISSING = {"detail": "Missing: enterprise.can_enroll_learners"}
ASYNC = {"prefer": "respond-async"}


@pytest.fixture
def admin(customer):
    return factories.customer_admin(customer)


@pytest.fixture
def boss(as_user, admin):
    return as_user(admin)


def run_with(*modes, **fields):
    return factories.CourseRunFactory(modes=list(modes), **fields)


def licensed(customer, run, *, is_revoked=False, **fields):
    enrollment = enrolled(customer, run, **fields)
    return enrollment, factories.LicenseFactory(enterprise_course_enrollment=enrollment, is_revoked=is_revoked)


def expire(client, *paid_by, headers=None, **fields):
    licenses = [str(getattr(each, "license_uuid", each)) for each in paid_by]
    return client.post(PATH, {"expired_license_uuids": licenses, **fields}, format="json", headers=headers)


def outcome(answer):
    assert answer.content == b""
    return answer.status_code


# --- what becomes of enrollments ----------------------------------------------------------------------------------


def test_each_enrollment_ends_as_its_run_allows_and_the_answer_is_empty(boss, customer):
    past = timezone.now() - timedelta(days=1)
    audited, first = licensed(customer, run_with("audit", "verified"))
    left, second = licensed(customer, run_with("verified"))
    completed, third = licensed(customer, run_with("verified", end=past))
    unlinked, fourth = licensed(customer, run_with("verified"), linked=False)
    other, spared = licensed(customer, run_with("verified"))

    assert outcome(expire(boss, first, second, third, fourth, uuid4())) == 200

    assert [plain(each) for each in (audited, left, completed, unlinked, other)] == [
        ("audit", True), ("verified", False), ("verified", True), ("verified", False), ("verified", True),
    ]  # fmt: skip
    assert [flags(each) for each in (audited, left, completed, unlinked, other)] == [
        FLAGGED, FLAGGED, NEVER, FLAGGED, NEVER,
    ]  # fmt: skip
    assert [is_revoked(each) for each in (first, second, third, fourth, spared)] == [True, True, False, True, False]
    assert history(first) == history(audited) == "+~"


def test_one_license_may_pay_for_many_enrollments(boss, customer):
    link = factories.LearnerFactory(enterprise_customer=customer)
    license_uuid = uuid4()
    rows = []
    for _ in range(3):
        run = run_with("verified")
        rows.append(enrolled(customer, run, user=link.user_fk, link=link))
        factories.LicenseFactory(enterprise_course_enrollment=rows[-1], license_uuid=license_uuid)

    assert outcome(expire(boss, license_uuid)) == 200
    assert [flags(each) for each in rows] == [FLAGGED] * 3


def test_what_was_revoked_before_is_skipped(boss, customer):
    enrollment, paid_by = licensed(customer, run_with("audit", "verified"), is_revoked=True)

    assert outcome(expire(boss, paid_by)) == 200

    assert (plain(enrollment), flags(enrollment)) == (("verified", True), NEVER)
    assert not BulkJob.objects.exists()


def test_failures_are_told_by_the_status_alone_and_the_others_are_done(boss, customer):
    good, first = licensed(customer, run_with("verified"))
    no_run, second = licensed(customer, RUN)
    bare, third = licensed(customer, run_with("verified"), mode=None)

    assert outcome(expire(boss, first, second, third)) == 422

    assert [is_revoked(each) for each in (first, second, third)] == [True, False, False]
    assert (flags(good), flags(no_run), flags(bare)) == (FLAGGED, NEVER, NEVER)
    assert outcome(expire(boss, first)) == 200


def test_the_latest_change_protects_an_enrollment(boss, customer):
    run = run_with("verified")
    moment = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    cases = {-1: False, 0: True, 1: True, None: False}  # seconds after the given moment: whether it is left alone
    made = {late: licensed(customer, run) for late in cases}
    for late, (enrollment, _) in made.items():
        rows = CourseEnrollment.history.filter(user_id=enrollment.enterprise_customer_user.user_id)
        if late is None:
            rows.delete()
        else:
            rows.update(history_date=moment + timedelta(seconds=late))

    answer = expire(boss, *(each for _, each in made.values()), ignore_enrollments_modified_after="2031-01-02T03:04:05")

    assert outcome(answer) == 200
    assert {late: not is_revoked(paid_by) for late, (_, paid_by) in made.items()} == cases


def test_an_older_change_does_not_unprotect(boss, customer):
    enrollment, paid_by = licensed(customer, run_with("verified"))
    plain_row = CourseEnrollment.objects.get(user_id=enrollment.enterprise_customer_user.user_id)
    plain_row.mode = "audit"
    plain_row.save()
    first = plain_row.history.order_by("history_id").first()
    type(first).objects.filter(pk=first.pk).update(history_date=datetime(2020, 1, 1, tzinfo=UTC))

    expire(boss, paid_by, ignore_enrollments_modified_after="2021-01-01T00:00:00Z")

    assert not is_revoked(paid_by)


# --- parameters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, {"expired_license_uuids": []}, {"expired_license_uuids": None}, [], "x",
                                  {"expired_license_uuids": ""}])  # fmt: skip
def test_licenses_must_be_given(boss, as_user, body):
    answer = boss.post(PATH, body, format="json")

    assert (answer.status_code, answer.json()) == (400, NO_LICENSES)
    assert as_user(factories.UserFactory()).post(PATH, body, format="json").json() == MISSING


@pytest.mark.parametrize("moment", ["soon", "2031-13-01", 5, ["2031-01-01"], True, {"a": 1}])
def test_a_moment_that_is_none_is_refused(boss, customer, moment):
    _, paid_by = licensed(customer, run_with("verified"))

    answer = expire(boss, paid_by, ignore_enrollments_modified_after=moment)

    assert (answer.status_code, answer.json()) == (400, MALFORMED)
    assert not is_revoked(paid_by)


@pytest.mark.parametrize("moment", [None, ""])
def test_no_moment_protects_nothing(boss, customer, moment):
    _, paid_by = licensed(customer, run_with("verified"))

    assert outcome(expire(boss, paid_by, ignore_enrollments_modified_after=moment)) == 200
    assert is_revoked(paid_by)


@pytest.mark.parametrize("wrong", ["nope", 5, None, {"a": 1}, ["x"], True])
def test_a_license_that_is_no_uuid_is_refused_and_nothing_is_done(boss, customer, wrong):
    _, paid_by = licensed(customer, run_with("verified"))

    answer = boss.post(PATH, {"expired_license_uuids": [str(paid_by.license_uuid), wrong]}, format="json")

    assert (answer.status_code, list(answer.json())) == (400, ["expired_license_uuids"])
    assert not is_revoked(paid_by)


def test_more_licenses_than_a_request_may_hold_are_refused(boss, settings):
    settings.BULK_JOB_MAX_ROWS = 2

    answer = expire(boss, uuid4(), uuid4(), uuid4())

    assert (answer.status_code, list(answer.json())) == (400, ["expired_license_uuids"])


@pytest.mark.parametrize("form", ["query", "commas", "form"])
def test_parameters_may_be_in_the_query_or_in_a_form(boss, customer, form):
    rows = [licensed(customer, run_with("verified"))[1] for _ in range(2)]
    texts = [str(each.license_uuid).upper() for each in rows]
    repeated = "&".join(f"expired_license_uuids={text}" for text in texts)
    if form == "form":
        answer = boss.post(PATH, repeated, content_type="application/x-www-form-urlencoded")
    else:
        query = f"expired_license_uuids={','.join(texts)}" if form == "commas" else repeated
        answer = boss.post(f"{PATH}?{query}")

    assert outcome(answer) == 200
    assert [is_revoked(each) for each in rows] == [True, True]


# --- who ----------------------------------------------------------------------------------------------------------


def test_who_may_expire_licenses(client, as_user, customer):
    run = run_with("verified")
    expected = {"admin": 200, "operator": 200, "superuser": 200, "anonymous": 401}
    for name, account in callers(customer).items():
        _, paid_by = licensed(customer, run)
        answer = expire(client if account is None else as_user(account), paid_by)
        assert answer.status_code == expected.get(name, 403), name
        assert is_revoked(paid_by) is (answer.status_code == 200)
        if answer.status_code == 403:
            assert answer.json() == MISSING


@pytest.mark.parametrize("is_revoked_before", [False, True])
def test_a_license_of_another_customer_among_many_stops_all(boss, as_user, customer, is_revoked_before):
    run = run_with("verified")
    _, mine = licensed(customer, run)
    _, foreign = licensed(factories.EnterpriseCustomerFactory(), run, is_revoked=is_revoked_before)

    answer = expire(boss, mine, foreign)

    assert (answer.status_code, answer.json()) == (403, MISSING)
    assert (is_revoked(mine), is_revoked(foreign)) == (False, is_revoked_before)
    assert outcome(expire(as_user(factories.operator()), mine, foreign)) == 200
    assert (is_revoked(mine), is_revoked(foreign)) == (True, True)


def test_get_is_not_allowed(boss):
    assert boss.get(PATH).status_code == 405


# --- as a job -----------------------------------------------------------------------------------------------------


def test_the_work_can_be_left_to_a_job(boss, admin, customer, django_capture_on_commit_callbacks):
    good, first = licensed(customer, run_with("audit", "verified"))
    _, second = licensed(customer, RUN)
    past = timezone.now() - timedelta(days=1)
    _, third = licensed(customer, run_with("verified", end=past))

    with django_capture_on_commit_callbacks(execute=True):
        answer = expire(boss, first, second, third, headers=ASYNC)

    body = answer.json()
    assert answer.status_code == 202
    assert (body["kind"], body["state"], body["total"]) == ("license_expiration", "queued", 3)
    assert answer["Preference-Applied"] == "respond-async"
    shown = boss.get(answer["Location"]).json()
    assert (shown["state"], shown["counts"]["succeeded"], shown["counts"]["failed"]) == ("finished", 2, 1)
    rows = boss.get(f"{answer['Location']}rows/").json()["results"]
    assert [(each["state"], each["created"], each["reason"]["code"]) for each in rows] == [
        ("succeeded", True, "moved-to-audit"),
        ("failed", False, "unknown-course-run"),
        ("succeeded", False, "course-completed"),
    ]
    learner = good.enterprise_customer_user
    assert (rows[0]["user_id"], rows[0]["email"]) == (learner.user_id, learner.user_fk.email)
    assert rows[0]["license_uuid"] == str(first.license_uuid)
    assert rows[0]["enterprise_fulfillment_source_uuid"] == str(first.uuid)
    assert first.history.first().history_user == admin
    listed = boss.get(f"/enterprise/api/v1/enterprise-customer/{customer.pk}/bulk-jobs/").json()["results"]
    assert [each["id"] for each in listed] == [body["id"]]


def test_failed_rows_of_a_job_can_be_tried_again(boss, customer, django_capture_on_commit_callbacks):
    enrollment, paid_by = licensed(customer, RUN)
    assert outcome(expire(boss, paid_by)) == 422
    factories.CourseRunFactory(id=RUN, modes=["verified"])

    with django_capture_on_commit_callbacks(execute=True):
        jobs.retry(BulkJob.objects.get())

    assert (flags(enrollment), is_revoked(paid_by)) == (FLAGGED, True)
    assert BulkJob.objects.get().failed == 0


def test_nothing_to_do_needs_no_job(boss):
    assert outcome(expire(boss, uuid4(), headers=ASYNC)) == 200
    assert not BulkJob.objects.exists()


def test_licenses_of_several_customers_are_worked_on_in_the_request(as_user, customer):
    run = run_with("verified")
    rows = [licensed(each, run)[1] for each in (customer, factories.EnterpriseCustomerFactory())]

    assert outcome(expire(as_user(factories.operator()), *rows, headers=ASYNC)) == 200

    assert [is_revoked(each) for each in rows] == [True, True]
    assert BulkJob.objects.filter(state="finished", total=1).count() == 2


# --- sets ---------------------------------------------------------------------------------------------------------


def many(customer, size):
    """So many learners with a license each; every fate of an enrollment is among them."""
    past = timezone.now() - timedelta(days=1)
    runs = [run_with("audit", "verified"), run_with("verified"), run_with("verified", end=past), run_with("verified")]
    prefix = uuid4().hex[:8]
    people = User.objects.bulk_create(
        User(username=f"{prefix}-{n}", email=f"{prefix}-{n}@learners.example") for n in range(size)
    )
    links = EnterpriseCustomerUser.all_objects.bulk_create(
        EnterpriseCustomerUser(enterprise_customer=customer, user_id=user.pk, user_fk=user) for user in people
    )
    places = [(link, runs[n % 4].pk) for n, link in enumerate(links)]
    CourseEnrollment.objects.bulk_create(
        CourseEnrollment(user_id=link.user_id, course_id=run, mode="verified")
        for link, run in places
        if run != runs[3].pk
    )
    rows = [
        factories.EnterpriseCourseEnrollmentFactory.build(enterprise_customer_user=link, course_id=run)
        for link, run in places
    ]
    for row in rows:
        if hasattr(row, "enterprise_customer_id"):
            row.enterprise_customer_id = customer.pk
    enrollments = type(rows[0]).all_objects.bulk_create(rows)
    return LicensedEnterpriseCourseEnrollment.objects.bulk_create(
        LicensedEnterpriseCourseEnrollment(enterprise_course_enrollment=each, license_uuid=uuid4())
        for each in enrollments
    )


def submitted(customer, licenses, untouched_from=None):
    actor = factories.UserFactory()
    (job,) = license_expiration.submit(actor, [each.license_uuid for each in licenses], [customer.pk], untouched_from)
    return job


def test_a_chunk_costs_the_same_number_of_statements_whatever_its_size(settings):
    later = timezone.now() + timedelta(days=1)
    counts = {}
    for size in (100, 500):
        settings.BULK_JOB_CHUNK_SIZE = size
        customer = factories.EnterpriseCustomerFactory()
        work = engine._Engine(submitted(customer, many(customer, size), later).pk)
        with CaptureQueriesContext(connection) as captured:
            assert work.next_chunk()
        counts[size] = len([each for each in captured.captured_queries if "SAVEPOINT" not in each["sql"]])
        job = BulkJob.objects.get(pk=work.job.pk)
        assert (job.done, job.succeeded, job.failed) == (size, size * 3 // 4, size // 4)
        assert set(job.rows.values_list("reason_code", flat=True)) == {
            "moved-to-audit",
            "unenrolled",
            "course-completed",
            "not-enrolled",
        }

    assert counts[100] == counts[500] <= 60


def test_storing_a_job_costs_three_statements_whatever_its_size(customer, django_assert_num_queries):
    for size in (4, 400):
        licenses = many(customer, size)
        actor = factories.UserFactory()
        with django_assert_num_queries(5):  # with the transaction's savepoint
            license_expiration.submit(actor, [each.license_uuid for each in licenses], [customer.pk], None)
    assert list(BulkJob.objects.order_by("total").values_list("total", flat=True)) == [4, 400]
    assert sorted(BulkJobRow.objects.values_list("position", flat=True)) == sorted([*range(4), *range(400)])


def test_a_run_that_was_stopped_in_the_middle_ends_right_when_it_is_started_again(customer, settings, monkeypatch):
    settings.BULK_JOB_CHUNK_SIZE = 10
    licenses = many(customer, 40)
    job = submitted(customer, licenses)
    work, chunks = LicenseExpirationWork.work, []

    def stopped(self, claimed):
        counted = work(self, claimed)
        chunks.append(len(claimed))
        if len(chunks) == 3:
            raise KeyboardInterrupt  # after the work, before the commit
        return counted

    monkeypatch.setattr(LicenseExpirationWork, "work", stopped)
    with pytest.raises(KeyboardInterrupt):
        jobs.run(job)
    assert BulkJob.objects.get(pk=job.pk).done == 20
    assert LicensedEnterpriseCourseEnrollment.objects.filter(is_revoked=True).count() == 10

    done = jobs.run(job)

    assert (done.state, done.succeeded, done.failed) == ("finished", 30, 10)
    revoked = LicensedEnterpriseCourseEnrollment.objects.filter(is_revoked=True)
    assert revoked.count() == LicensedEnterpriseCourseEnrollment.history.filter(history_type="~").count() == 20
    assert CourseEnrollment.objects.filter(mode="audit").count() == 10
    assert CourseEnrollment.objects.filter(is_active=False).count() == 10


def test_what_was_revoked_after_a_row_was_stored_is_left_alone(customer):
    enrollment, paid_by = licensed(customer, run_with("audit", "verified"))
    _, deleted = licensed(customer, run_with("audit", "verified"))
    job = submitted(customer, [paid_by, deleted])
    LicensedEnterpriseCourseEnrollment.objects.filter(pk=paid_by.pk).update(is_revoked=True)
    LicensedEnterpriseCourseEnrollment.objects.filter(pk=deleted.pk).delete()

    done = jobs.run(job)

    assert (done.succeeded, done.failed) == (2, 0)
    assert set(done.rows.values_list("reason_code", flat=True)) == {"already-revoked"}
    assert plain(enrollment) == ("verified", True)


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_expirations_of_the_same_licenses_change_each_once(settings):
    settings.BULK_JOB_CHUNK_SIZE = 7
    customer = factories.EnterpriseCustomerFactory()
    licenses = many(customer, 60)
    both = [submitted(customer, each) for each in (licenses, licenses[::-1])]

    assert at_once(*[lambda job=job: jobs.run(job) for job in both]) == []

    assert {each.state for each in BulkJob.objects.all()} == {"finished"}
    assert LicensedEnterpriseCourseEnrollment.history.filter(history_type="~").count() == 30
