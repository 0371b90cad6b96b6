"""manage.py enroll_learners: a roster from a shell."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from enrollments.models import CourseEnrollment, CourseOverview
from enterprise.bulk import engine
from enterprise.models import BulkJob, EnterpriseCustomer, PendingEnrollment
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory, UserFactory

pytestmark = pytest.mark.django_db

RUN = "course-v1:Acme+Sail+T1"
LICENSE = "e1000000-0000-4000-8000-000000000001"


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", slug="acme")


@pytest.fixture
def run() -> CourseOverview:
    return CourseRunFactory(id=RUN)


@pytest.fixture
def roster(tmp_path: Path) -> Callable[..., Path]:
    """Writes a roster with these addresses."""

    def write(*addresses: str, header: str = "email,course_run_key,license_uuid") -> Path:
        path = tmp_path / "roster.csv"
        path.write_text("\n".join([header, *(f"{address},{RUN},{LICENSE}" for address in addresses)]))
        return path

    return write


class Outcome:
    """What the command wrote, and its exit code."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        out, err = io.StringIO(), io.StringIO()
        self.code: Any = 0
        try:
            call_command("enroll_learners", *arguments, stdout=out, stderr=err, **options)
        except SystemExit as end:
            self.code = end.code
        self.out, self.err = out.getvalue(), err.getvalue()


def test_a_roster_is_enrolled(customer: EnterpriseCustomer, run: CourseOverview, roster: Any) -> None:
    learner = UserFactory()
    outcome = Outcome(roster(learner.email, "newbie@acme.test"), customer="acme")
    assert outcome.code == 0
    assert "Enrolling 2 of 2 rows for Acme" in outcome.out
    assert "1 succeeded" in outcome.out
    assert "1 pending" in outcome.out
    assert CourseEnrollment.objects.get().user == learner
    assert PendingEnrollment.objects.get().discount_percentage == 100
    assert mail.outbox == []


def test_the_customer_may_be_named_by_uuid(customer: EnterpriseCustomer, run: CourseOverview, roster: Any) -> None:
    assert Outcome(roster("newbie@acme.test"), customer=str(customer.pk)).code == 0


def test_options_of_the_request_are_options_of_the_command(
    customer: EnterpriseCustomer, run: CourseOverview, roster: Any, django_capture_on_commit_callbacks: Any
) -> None:
    boss = UserFactory(username="boss")
    with django_capture_on_commit_callbacks(execute=True):
        Outcome(roster("newbie@acme.test"), customer="acme", actor="boss", notify=True, discount="7.5")
    assert BulkJob.objects.get().actor == boss
    assert PendingEnrollment.objects.get().discount_percentage == 7.5
    assert PendingEnrollment.history.get().history_user == boss
    assert [letter.to for letter in mail.outbox] == [["newbie@acme.test"]]


def test_rows_that_fail_are_summed_up_by_reason_and_make_the_exit_code_1(
    customer: EnterpriseCustomer, roster: Any
) -> None:
    outcome = Outcome(roster(UserFactory().email, UserFactory().email, "no-address"), customer="acme")
    assert outcome.code == 1
    assert "2 failed" in outcome.out
    assert "1 invalid" in outcome.out
    assert "2 unknown-course-run: There is no such course run." in outcome.out
    assert "1 invalid-email: " in outcome.out


def test_a_report_tells_the_result_of_every_row(
    customer: EnterpriseCustomer, run: CourseOverview, roster: Any, tmp_path: Path
) -> None:
    report = tmp_path / "report.csv"
    Outcome(roster("newbie@acme.test", "no-address"), customer="acme", report=str(report))
    with report.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["email"], line["state"], line["reason_code"]) for line in lines] == [
        ("newbie@acme.test", "pending", ""),
        ("no-address", "invalid", "invalid-email"),
    ]


def test_a_report_that_cannot_be_written_does_not_hide_that_the_rows_are_done(
    customer: EnterpriseCustomer, run: CourseOverview, roster: Any, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="The rows are done, but"):
        Outcome(roster("newbie@acme.test"), customer="acme", report=str(tmp_path / "nowhere" / "report.csv"))
    assert PendingEnrollment.objects.count() == 1


def interrupt_after(chunks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes when so many chunks are done."""
    next_chunk = engine._Engine.next_chunk
    done = []

    def interrupted(self: Any) -> bool:
        if len(done) == chunks:
            raise KeyboardInterrupt
        done.append(1)
        return next_chunk(self)

    monkeypatch.setattr(engine._Engine, "next_chunk", interrupted)


def test_an_interrupted_roster_goes_on_where_it_stopped(
    customer: EnterpriseCustomer, run: CourseOverview, roster: Any, settings: Any
) -> None:
    settings.BULK_JOB_CHUNK_SIZE = 2
    path = roster(*(f"new{number}@acme.test" for number in range(5)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        interrupt_after(1, monkeypatch)
        stopped = Outcome(path, customer="acme")
    assert stopped.code == 130
    assert "Interrupted: 2 of 5 rows are done. Run the same command again to go on with the rest." in stopped.err
    assert PendingEnrollment.objects.count() == 2
    resumed = Outcome(path, customer="acme")
    assert resumed.code == 0
    assert "Resuming 3 of 5 rows for Acme" in resumed.out
    assert PendingEnrollment.objects.count() == 5
    assert BulkJob.objects.count() == 1


def test_another_file_customer_or_actor_is_another_job(
    customer: EnterpriseCustomer, run: CourseOverview, roster: Any, settings: Any
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        interrupt_after(0, monkeypatch)
        Outcome(roster("newbie@acme.test"), customer="acme")
    UserFactory(username="boss")
    EnterpriseCustomerFactory(slug="blue")
    assert "Enrolling 1 of 1" in Outcome(roster("other@acme.test"), customer="acme").out
    assert "Enrolling 1 of 1" in Outcome(roster("newbie@acme.test"), customer="blue").out
    assert "Enrolling 1 of 1" in Outcome(roster("newbie@acme.test"), customer="acme", actor="boss").out
    assert "Enrolling 1 of 1" in Outcome(roster("newbie@acme.test"), customer="acme", notify=True).out
    assert "Resuming 1 of 1" in Outcome(roster("newbie@acme.test"), customer="acme").out


def test_a_finished_roster_can_be_enrolled_again_and_changes_nothing(
    customer: EnterpriseCustomer, run: CourseOverview, roster: Any
) -> None:
    boss = UserFactory(username="boss")
    path = roster("newbie@acme.test")
    for _ in range(2):
        outcome = Outcome(path, customer="acme", actor=boss.username)
        assert (outcome.code, "Enrolling 1 of 1" in outcome.out) == (0, True)
    assert PendingEnrollment.objects.count() == 1
    assert PendingEnrollment.history.count() == 1
    assert BulkJob.objects.count() == 2


def test_an_interruption_while_rows_are_stored_leaves_nothing(
    customer: EnterpriseCustomer, run: CourseOverview, roster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("enterprise.bulk.staging.store", interrupted)
    outcome = Outcome(roster("newbie@acme.test"), customer="acme")
    assert outcome.code == 130
    assert "Run the same command again to begin anew." in outcome.err
    assert not BulkJob.objects.exists()


def refused(message: str, *arguments: Any, **options: Any) -> None:
    with pytest.raises(CommandError, match=message) as error:
        Outcome(*arguments, **options)
    assert error.value.returncode == 2
    assert not BulkJob.objects.exists()


def test_what_cannot_begin_says_why_and_exits_with_2(customer: EnterpriseCustomer, roster: Any, tmp_path: Path) -> None:
    good = roster("newbie@acme.test")
    EnterpriseCustomerFactory(slug="gone", active=False)
    refused("There is no active customer 'nobody'", good, customer="nobody")
    refused("There is no active customer 'gone'", good, customer="gone")
    refused("There is no account 'nobody'", good, customer="acme", actor="nobody")
    refused("No such file", tmp_path / "nowhere.csv", customer="acme")
    refused("discount: A valid number is required", good, customer="acme", discount="much")


def test_errors_of_the_file_are_told_one_a_line(customer: EnterpriseCustomer, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(f"email,course_run_key,license_uuid\na@acme.test,{RUN},one\nb@acme.test,,{LICENSE}\n")
    with pytest.raises(CommandError) as error:
        Outcome(path, customer="acme")
    assert str(error.value).splitlines()[1:] == [
        f"{path}:2: license_uuid: Must be a valid UUID.",
        f"{path}:3: course_run_key: This field is required.",
    ]


def test_the_encoding_of_the_file_may_be_named(customer: EnterpriseCustomer, run: CourseOverview, roster: Any) -> None:
    path = roster("anna@zürich.example")
    path.write_bytes(path.read_text().encode("cp1252"))
    assert Outcome(path, customer="acme", charset="cp1252").code == 0
    assert PendingEnrollment.objects.get().user.user_email == "anna@zürich.example"
