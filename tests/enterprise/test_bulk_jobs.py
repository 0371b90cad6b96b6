"""Bulk enrollment as a job: `Prefer: respond-async`, `Idempotency-Key`, and the job's own addresses."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from enrollments.models import CourseEnrollment, CourseOverview, User
from enterprise.models import BulkJob, BulkJobRow, EnterpriseCustomer
from enterprise.services import jobs
from tests.factories import (
    CourseRunFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db

ASYNC = {"prefer": "respond-async"}
LICENSE = "e1000000-0000-4000-8000-000000000001"
MISSING = {"detail": "Missing: enterprise.can_enroll_learners"}
State = BulkJob.State


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def admin(customer: EnterpriseCustomer) -> User:
    return customer_admin(customer, username="boss")


@pytest.fixture
def boss(as_user: Any, admin: User) -> APIClient:
    return as_user(admin)


@pytest.fixture
def run() -> CourseOverview:
    return CourseRunFactory(id="course-v1:Acme+Sail+T1")


@pytest.fixture
def post(
    customer: EnterpriseCustomer, boss: APIClient, django_capture_on_commit_callbacks: Any
) -> Callable[..., Response]:
    """Sends a bulk enrollment; with `work=False` no worker takes up what waits for the commit."""

    def send(*rows: Any, client: APIClient = boss, work: bool = True, headers: Any = None, **fields: Any) -> Response:
        with django_capture_on_commit_callbacks(execute=work):
            body = {"enrollments_info": list(rows), **fields}
            return client.post(f"{path_of(customer)}enroll_learners_in_courses/", body, headers=headers)

    return send


def path_of(customer: EnterpriseCustomer) -> str:
    return f"/enterprise/api/v1/enterprise-customer/{customer.pk}/"


def row(email: str, run: str = "course-v1:Acme+Sail+T1", **fields: Any) -> dict[str, Any]:
    return {"email": email, "course_run_key": run, "license_uuid": LICENSE, **fields}


def job_path(job: BulkJob, tail: str = "") -> str:
    return f"{path_of(job.enterprise_customer)}bulk-jobs/{job.pk}/{tail}"


def mixed_rows() -> list[dict[str, Any]]:
    """One row of every outcome."""
    return [
        row(UserFactory(username="mia").email),
        row("newbie@acme.test"),
        row(UserFactory(username="leo").email, "course-v1:Acme+Nowhere+T1"),
        row("no-address"),
    ]


# --- Prefer: respond-async ------------------------------------------------------------------------------------------


def test_a_caller_who_does_not_want_to_wait_gets_202_and_where_to_look(
    post: Any, run: CourseOverview, boss: APIClient
) -> None:
    answer = post(*mixed_rows(), headers=ASYNC, work=False, notify=True, discount="12.5")
    job = BulkJob.objects.get()
    body = answer.json()
    assert answer.status_code == 202
    assert answer["Location"] == f"http://testserver{job_path(job)}"
    assert answer["Preference-Applied"] == "respond-async"
    links = body.pop("links")
    assert body == {
        "id": str(job.pk),
        "kind": "enrollment",
        "state": "queued",
        "total": 4,
        "done": 1,
        "counts": {"waiting": 3, "succeeded": 0, "pending": 0, "failed": 0, "invalid": 1, "cancelled": 0},
        "rows_per_second": None,
        "seconds_left": None,
        "notify": True,
        "discount": "12.5",
        "actor": "boss",
        "attempt": 0,
        "created": body["created"],
        "started": None,
        "finished": None,
    }
    assert body["created"].endswith("Z")
    assert links == {
        "self": answer["Location"],
        "rows": f"{answer['Location']}rows/",
        "rows_csv": f"{answer['Location']}rows.csv",
        "cancel": f"{answer['Location']}cancel/",
        "retry": f"{answer['Location']}retry/",
    }
    assert not CourseEnrollment.objects.exists()
    assert boss.get(links["self"]).json()["state"] == "queued"


def test_the_workers_carry_the_job_out_after_the_answer(post: Any, run: CourseOverview, boss: APIClient) -> None:
    answer = post(*mixed_rows(), headers=ASYNC, notify=True)
    shown = boss.get(answer["Location"]).json()
    assert (shown["state"], shown["total"], shown["done"]) == ("finished", 4, 4)
    assert shown["counts"] == {"waiting": 0, "succeeded": 1, "pending": 1, "failed": 1, "invalid": 1, "cancelled": 0}
    assert shown["started"] is not None
    assert shown["finished"] is not None
    assert shown["rows_per_second"] > 0
    assert shown["seconds_left"] is None
    assert len(mail.outbox) == 2


@pytest.mark.parametrize(
    "preference", ["respond-async", "Respond-Async, wait=10", "handling=strict, respond-async; foo"]
)
def test_the_preference_is_read_as_rfc_7240_has_it(preference: str, post: Any, run: CourseOverview) -> None:
    assert post(row("newbie@acme.test"), headers={"prefer": preference})["Preference-Applied"] == "respond-async"


@pytest.mark.parametrize("preference", ["", "return=minimal", "respond-asynchronously"])
def test_other_preferences_are_ignored(preference: str, post: Any, run: CourseOverview) -> None:
    answer = post(row("newbie@acme.test"), headers={"prefer": preference})
    assert list(answer.json()) == ["successes", "pending", "failures"]
    assert "Preference-Applied" not in answer


def test_a_bad_request_is_refused_at_once_all_the_same(post: Any) -> None:
    assert post({}, headers=ASYNC).status_code == 400
    assert not BulkJob.objects.exists()


def test_a_running_job_tells_its_rate_and_the_time_left(
    customer: EnterpriseCustomer, admin: User, boss: APIClient
) -> None:
    now = timezone.now()
    job = BulkJob.objects.create(
        enterprise_customer=customer,
        actor=admin,
        state=State.RUNNING,
        total=1000,
        done=400,
        succeeded=400,
        started_at=now - timedelta(seconds=20),
        heartbeat_at=now - timedelta(seconds=10),
    )
    shown = boss.get(job_path(job)).json()
    assert (shown["rows_per_second"], shown["seconds_left"]) == (40.0, 15)


# --- Idempotency-Key ------------------------------------------------------------------------------------------------


KEY = {"idempotency-key": "order 4711"}


def test_the_same_key_and_body_give_the_first_answer_again(post: Any, run: CourseOverview) -> None:
    rows = mixed_rows()
    first = post(*rows, headers=KEY, notify=True)
    second = post(*rows, headers=KEY, notify=True)
    assert (first.status_code, second.status_code) == (409, 409)
    assert first.json() == second.json()
    assert second.json()["successes"][0]["created"] is True
    assert BulkJob.objects.count() == 1
    assert len(mail.outbox) == 2


def test_without_a_key_the_work_is_done_again(post: Any, run: CourseOverview) -> None:
    learner = UserFactory()
    answers = [post(row(learner.email)).json() for _ in range(2)]
    assert [answer["successes"][0]["created"] for answer in answers] == [True, False]
    assert BulkJob.objects.count() == 2


def test_the_same_key_and_body_lead_to_the_first_job_again(post: Any, run: CourseOverview) -> None:
    first = post(row("newbie@acme.test"), headers={**ASYNC, **KEY})
    second = post(row("newbie@acme.test"), headers={**ASYNC, **KEY})
    assert (first.status_code, second.status_code) == (202, 202)
    assert first["Location"] == second["Location"]
    assert second.json()["state"] == "finished"
    assert BulkJob.objects.count() == 1


def test_what_is_equal_in_other_words_is_the_same_body(post: Any, run: CourseOverview) -> None:
    learner = UserFactory()
    first = post(row(learner.email), headers=KEY, discount="12.50", reason="Because")
    again = post(
        {**row(f" {learner.email} "), "license_uuid": LICENSE.upper()}, headers=KEY, discount=12.5, notify=False
    )
    assert first.json() == again.json()


@pytest.mark.parametrize(
    "other",
    [
        {"rows": [row("other@acme.test")]},
        {"rows": [row("newbie@acme.test"), row("newbie@acme.test")]},
        {"rows": [row("newbie@acme.test", force_enrollment=True)]},
        {"rows": [row("newbie@acme.test")], "notify": True},
        {"rows": [row("newbie@acme.test")], "discount": 5},
    ],
)
def test_a_key_used_with_another_body_gets_422(other: dict[str, Any], post: Any, run: CourseOverview) -> None:
    post(row("newbie@acme.test"), headers=KEY)
    answer = post(*other.pop("rows"), headers=KEY, **other)
    assert answer.status_code == 422
    assert answer.json() == {"detail": "This Idempotency-Key was used for a request with another body."}
    assert BulkJob.objects.count() == 1


@pytest.mark.parametrize("state", [State.STAGING, State.QUEUED, State.RUNNING, State.CANCELLING])
def test_a_key_whose_request_is_still_at_work_gets_409(state: str, post: Any, run: CourseOverview) -> None:
    post(row("newbie@acme.test"), headers=KEY)
    BulkJob.objects.update(state=state)
    answer = post(row("newbie@acme.test"), headers=KEY)
    assert answer.status_code == 409
    assert answer.json() == {"detail": "The request with this Idempotency-Key is still being worked on."}


def test_a_key_whose_rows_are_still_being_stored_gets_409_asynchronously_too(post: Any, run: CourseOverview) -> None:
    post(row("newbie@acme.test"), headers={**ASYNC, **KEY})
    BulkJob.objects.update(state=State.STAGING)
    assert post(row("newbie@acme.test"), headers={**ASYNC, **KEY}).status_code == 409


def test_two_equal_requests_at_the_same_moment_make_one_job(
    post: Any, run: CourseOverview, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = jobs.create

    def overtaken(*args: Any, **kwargs: Any) -> BulkJob:
        monkeypatch.setattr(jobs, "create", create)
        jobs.run(create(*args, **kwargs))
        return create(*args, **kwargs)

    monkeypatch.setattr(jobs, "create", overtaken)
    answer = post(row("newbie@acme.test"), headers=KEY)
    assert (answer.status_code, len(answer.json()["pending"])) == (202, 1)
    assert BulkJob.objects.count() == 1


def test_keys_belong_to_a_caller_and_a_customer(
    post: Any, run: CourseOverview, as_user: Any, customer: EnterpriseCustomer, admin: User
) -> None:
    post(row("newbie@acme.test"), headers=KEY)
    colleague = as_user(customer_admin(customer))
    assert post(row("other@acme.test"), headers=KEY, client=colleague).status_code == 202
    other = EnterpriseCustomerFactory()
    LearnerFactory(enterprise_customer=other, user=admin, should_inactivate_other_customers=False)
    RoleAssignmentFactory(user=admin, enterprise_customer=other)
    answer = as_user(admin).post(
        f"{path_of(other)}enroll_learners_in_courses/",
        {"enrollments_info": [row("third@acme.test")]},
        headers=KEY,
    )
    assert answer.status_code == 202
    assert BulkJob.objects.count() == 3


def test_a_key_that_is_too_long_is_refused(post: Any) -> None:
    answer = post(row("newbie@acme.test"), headers={"idempotency-key": "k" * 256})
    assert (answer.status_code, answer.json()) == (400, {"detail": "An Idempotency-Key has at most 255 characters."})


def test_a_request_that_was_refused_does_not_use_up_its_key(post: Any, run: CourseOverview) -> None:
    assert post({}, headers=KEY).status_code == 400
    assert post(row("newbie@acme.test"), headers=KEY).status_code == 202


# --- The job's addresses --------------------------------------------------------------------------------------------


@pytest.fixture
def job(post: Any, run: CourseOverview) -> BulkJob:
    """A finished job with a row of every outcome."""
    post(*mixed_rows())
    return BulkJob.objects.get()


def test_jobs_are_listed_newest_first_in_pages(
    boss: APIClient, customer: EnterpriseCustomer, admin: User, django_assert_max_num_queries: Any
) -> None:
    made = [BulkJob.objects.create(enterprise_customer=customer, actor=admin) for _ in range(12)]
    BulkJob.objects.create(enterprise_customer=EnterpriseCustomerFactory())
    BulkJob.objects.create(enterprise_customer=customer, kind=BulkJob.Kind.PENDING_CLAIM)
    with django_assert_max_num_queries(5):
        answer = boss.get(f"{path_of(customer)}bulk-jobs/").json()
    assert [each["id"] for each in answer["results"]] == [str(each.pk) for each in reversed(made[2:])]
    assert (answer["count"], answer["num_pages"], answer["start"]) == (12, 2, 0)
    assert boss.get(f"{path_of(customer)}bulk-jobs/?page=3").json() == {"detail": "Invalid page."}


def test_rows_show_what_became_of_them(boss: APIClient, job: BulkJob) -> None:
    answer = boss.get(job_path(job, "rows/")).json()
    first, second, third, fourth = answer["results"]
    enrolled = User.objects.get(username="mia")
    assert first == {
        "position": 0,
        "user_id": enrolled.pk,
        "email": enrolled.email,
        "course_run_key": "course-v1:Acme+Sail+T1",
        "license_uuid": LICENSE,
        "transaction_id": None,
        "activation_link": None,
        "state": "succeeded",
        "created": True,
        "enterprise_fulfillment_source_uuid": str(job.rows.get(position=0).fulfillment_uuid),
        "reason": None,
    }
    assert (second["state"], second["user_id"], second["enterprise_fulfillment_source_uuid"]) == ("pending", None, None)
    assert (third["state"], third["reason"]["code"]) == ("failed", "unknown-course-run")
    assert (fourth["state"], fourth["email"], fourth["reason"]["code"]) == ("invalid", "no-address", "invalid-email")
    assert answer["count"] == 4


@pytest.mark.parametrize("state", ["succeeded", "pending", "failed", "invalid", "waiting", "cancelled"])
def test_rows_can_be_narrowed_to_a_state(state: str, boss: APIClient, job: BulkJob) -> None:
    expected = 0 if state in ("waiting", "cancelled") else 1
    answer = boss.get(job_path(job, f"rows/?state={state}")).json()
    assert (answer["count"], len(answer["results"])) == (expected, expected)
    assert all(each["state"] == state for each in answer["results"])


def test_an_unknown_state_is_refused(boss: APIClient, job: BulkJob) -> None:
    for tail in ("rows/", "rows.csv"):
        answer = boss.get(job_path(job, f"{tail}?state=lost"))
        assert answer.status_code == 400
        assert answer.json() == {"state": ["Select a valid choice. lost is not one of the available choices."]}
    assert boss.get(job_path(job, "rows/?state=")).json()["count"] == 4


def test_rows_come_in_pages_without_counting_them(
    boss: APIClient, customer: EnterpriseCustomer, django_assert_max_num_queries: Any
) -> None:
    job = BulkJob.objects.create(enterprise_customer=customer, total=250, done=250, pending=250, state=State.FINISHED)
    BulkJobRow.objects.bulk_create(
        BulkJobRow(job=job, position=position, email="a@acme.test", state="pending") for position in range(250)
    )
    with django_assert_max_num_queries(5):
        answer = boss.get(job_path(job, "rows/?page=2&page_size=100&state=pending")).json()
    assert [each["position"] for each in answer["results"]] == list(range(100, 200))
    assert (answer["count"], answer["num_pages"]) == (250, 3)
    assert answer["next"].endswith("rows/?page=3&page_size=100&state=pending")


def lines_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_rows_can_be_downloaded(boss: APIClient, job: BulkJob) -> None:
    answer = boss.get(job_path(job, "rows.csv"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="bulk-job-{job.pk}.csv"'
    header, *lines = lines_of(answer)
    shown = [dict(zip(header, line, strict=True)) for line in lines]
    assert [each["state"] for each in shown] == ["succeeded", "pending", "failed", "invalid"]
    assert shown[0]["created"] == "true"
    assert shown[0]["enterprise_fulfillment_source_uuid"]
    assert shown[2]["reason_code"] == "unknown-course-run"
    assert shown[2]["reason_text"]
    [_, *failed] = lines_of(boss.get(job_path(job, "rows.csv?state=failed")))
    assert [line[0] for line in failed] == ["2"]


def test_a_long_download_is_read_piece_by_piece(
    boss: APIClient, customer: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enterprise.queries.jobs.READ_AT_ONCE", 4)
    job = BulkJob.objects.create(enterprise_customer=customer, total=12)
    BulkJobRow.objects.bulk_create(
        BulkJobRow(job=job, position=position, state="failed" if position % 3 else "pending") for position in range(12)
    )
    for tail, expected in {
        "rows.csv": list(range(12)),
        "rows.csv?state=pending": [0, 3, 6, 9],
        "rows.csv?state=failed": [1, 2, 4, 5, 7, 8, 10, 11],
    }.items():
        [_, *lines] = lines_of(boss.get(job_path(job, tail)))
        assert [int(line[0]) for line in lines] == expected


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_download_holds_nothing_that_a_spreadsheet_computes(
    text: str, boss: APIClient, customer: EnterpriseCustomer
) -> None:
    job = BulkJob.objects.create(enterprise_customer=customer, total=1)
    BulkJobRow.objects.create(job=job, position=0, given_email=text, course_run_key=text, state="invalid")
    header, line = lines_of(boss.get(job_path(job, "rows.csv")))
    cells = dict(zip(header, line, strict=True))
    assert cells["email"] == cells["course_run_key"] == f"'{text}"


def test_a_job_can_be_cancelled(
    post: Any, run: CourseOverview, boss: APIClient, django_capture_on_commit_callbacks: Any
) -> None:
    post(*mixed_rows(), headers=ASYNC, work=False)
    job = BulkJob.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.post(job_path(job, "cancel/"))
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelling")
    shown = boss.get(job_path(job)).json()
    assert (shown["state"], shown["counts"]["cancelled"], shown["counts"]["invalid"]) == ("cancelled", 3, 1)
    assert not CourseEnrollment.objects.exists()
    again = boss.post(job_path(job, "cancel/"))
    assert (again.status_code, again.json()) == (409, {"detail": "The job has ended."})


def test_a_job_whose_rows_are_being_stored_cannot_be_cancelled(boss: APIClient, customer: EnterpriseCustomer) -> None:
    job = BulkJob.objects.create(enterprise_customer=customer, state=State.STAGING)
    assert boss.post(job_path(job, "cancel/")).status_code == 409


def test_failed_rows_can_be_retried_after_the_cause_is_mended(
    boss: APIClient, job: BulkJob, django_capture_on_commit_callbacks: Any
) -> None:
    CourseRunFactory(id="course-v1:Acme+Nowhere+T1")
    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.post(job_path(job, "retry/"))
    assert (answer.status_code, answer.json()["state"], answer.json()["attempt"]) == (202, "queued", 1)
    shown = boss.get(job_path(job)).json()
    assert (shown["state"], shown["counts"]["succeeded"], shown["counts"]["failed"]) == ("finished", 2, 0)
    again = boss.post(job_path(job, "retry/"))
    assert (again.status_code, again.json()) == (409, {"detail": "No row of the job failed."})


def test_a_job_at_work_cannot_be_retried(boss: APIClient, job: BulkJob) -> None:
    BulkJob.objects.update(state=State.RUNNING)
    answer = boss.post(job_path(job, "retry/"))
    assert (answer.status_code, answer.json()) == (409, {"detail": "The job is still at work."})


# --- Who may see and steer a job ------------------------------------------------------------------------------------


ADDRESSES = [("get", ""), ("get", "rows/"), ("get", "rows.csv"), ("post", "cancel/"), ("post", "retry/")]


@pytest.mark.parametrize(("method", "tail"), ADDRESSES)
def test_jobs_are_for_those_who_may_enroll_the_customers_learners(
    method: str, tail: str, job: BulkJob, client: APIClient, as_user: Any, customer: EnterpriseCustomer
) -> None:
    def status(caller: APIClient) -> tuple[int, Any]:
        answer = getattr(caller, method)(job_path(job, tail))
        return answer.status_code, None if answer.streaming else json.loads(answer.content)

    learner = LearnerFactory(enterprise_customer=customer).user_fk
    unlinked = UserFactory()
    RoleAssignmentFactory(user=unlinked, enterprise_customer=customer)
    assert status(client)[0] == 401
    for stranger in (learner, customer_admin(EnterpriseCustomerFactory()), UserFactory(staff=True)):
        assert status(as_user(stranger)) == (403, MISSING)
    for unseen in (unlinked, operator()):
        assert status(as_user(unseen))[0] == 404
    for welcome in (customer_admin(customer), operator(staff=True), UserFactory(superuser=True)):
        assert status(as_user(welcome))[0] in (200, 202, 409)


@pytest.mark.parametrize(("method", "tail"), ADDRESSES)
def test_a_job_of_another_customer_does_not_exist(method: str, tail: str, job: BulkJob, as_user: Any) -> None:
    other = EnterpriseCustomerFactory()
    answer = getattr(as_user(customer_admin(other)), method)(f"{path_of(other)}bulk-jobs/{job.pk}/{tail}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "No BulkJob matches the given query."})


@pytest.mark.parametrize(("method", "tail"), ADDRESSES)
def test_unknown_and_malformed_jobs_are_not_found(
    method: str, tail: str, boss: APIClient, customer: EnterpriseCustomer
) -> None:
    def answer(name: object) -> Any:
        return getattr(boss, method)(f"{path_of(customer)}bulk-jobs/{name}/{tail}")

    assert (answer(uuid.uuid4()).status_code, answer("seven").status_code) == (404, 404)
    assert answer("seven").json() == {"detail": "Not found."}


def test_the_list_is_guarded_like_the_jobs(
    client: APIClient, as_user: Any, customer: EnterpriseCustomer, job: BulkJob
) -> None:
    path = f"{path_of(customer)}bulk-jobs/"
    assert client.get(path).status_code == 401
    assert as_user(customer_admin(EnterpriseCustomerFactory())).get(path).json() == MISSING
    assert as_user(operator()).get(path).status_code == 404
    assert as_user(customer_admin(customer)).get(path).json()["count"] == 1


def test_jobs_of_an_inactive_customer_are_not_found(
    boss: APIClient, customer: EnterpriseCustomer, job: BulkJob
) -> None:
    customer.active = False
    customer.save()
    assert boss.get(job_path(job)).status_code == 404
