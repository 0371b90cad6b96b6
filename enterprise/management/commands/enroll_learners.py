"""Bulk enrollment from a shell: the work of `POST .../enroll_learners_in_courses/` with a CSV file."""

from __future__ import annotations

import csv
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from config.api.exceptions import Refusal
from enrollments.models import User
from enterprise.bulk.results import CSV_HEADER, row_as_cells
from enterprise.models import BulkJob, EnterpriseCustomer
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.jobs import every_row_result, reasons_of
from enterprise.services import bulk_enrollment
from enterprise.services.bulk_enrollment import Submission

ALL_ENROLLED, SOME_FAILED, NOTHING_DONE, INTERRUPTED = 0, 1, 2, 130
OUTCOMES = ("succeeded", "pending", "failed", "invalid", "cancelled")


class Command(BaseCommand):
    help = (
        "Enrolls the learners of a CSV file for a customer. The first line names the columns: course_run_key, user_id "
        "or email, license_uuid or transaction_id; optional: activation_link, force_enrollment, "
        "is_default_auto_enrollment. "
        "Can be interrupted: the same command with the same file goes on where it stopped. "
        "Exit codes: 0 all rows are enrolled or wait for an account, 1 some were not carried out, 2 nothing was done, "
        "130 interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("roster", help="the CSV file")
        parser.add_argument("--customer", required=True, help="slug or uuid of the customer")
        parser.add_argument("--actor", help="username of the account that the history names")
        parser.add_argument("--notify", action="store_true", help="learners who are newly enrolled get a mail")
        parser.add_argument("--discount", help="percentage kept with pending enrollments (default 100)")
        parser.add_argument("--charset", default="", help="encoding of the file (default: told from its bytes)")
        parser.add_argument("--report", help="writes the result of every row to this CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        customer = self._customer(options["customer"])
        actor = self._actor(options["actor"])
        try:
            with Path(options["roster"]).open("rb") as file:
                submission = self._submission(file, options)
                job, resumed = bulk_enrollment.resume_or_submit(customer, actor, submission)
        except OSError as error:
            raise CommandError(f"{options['roster']}: {error.strerror}", returncode=NOTHING_DONE) from error
        except KeyboardInterrupt:
            self.stderr.write("Interrupted before any row was carried out. Run the same command again to begin anew.")
            sys.exit(INTERRUPTED)
        word = "Resuming" if resumed else "Enrolling"
        self.stdout.write(f"{word} {job.total - job.done} of {job.total} rows for {customer.name} (job {job.pk})")
        self._work(job)
        self._summarise(job)
        if options["report"]:
            self._report(job, Path(options["report"]))
        if job.failed or job.invalid or job.cancelled:
            sys.exit(SOME_FAILED)

    def _customer(self, name: str) -> EnterpriseCustomer:
        customers = EnterpriseCustomer.objects.all()
        key = parsed_uuid(name)
        customer = customers.filter(slug=name).first() or (key and customers.filter(pk=key).first())
        if not customer:
            raise CommandError(f"There is no active customer {name!r}.", returncode=NOTHING_DONE)
        return customer

    def _actor(self, username: str | None) -> User | None:
        if username is None:
            return None
        actor = User.objects.filter(username=username).first()
        if actor is None:
            raise CommandError(f"There is no account {username!r}.", returncode=NOTHING_DONE)
        return actor

    def _submission(self, file: Any, options: dict[str, Any]) -> Submission:
        given = {"notify": options["notify"], "discount": options["discount"]}
        try:
            return bulk_enrollment.from_csv(
                file, options["charset"], {name: value for name, value in given.items() if value is not None}
            )
        except Refusal as refusal:
            raise CommandError(_explained(refusal, options["roster"]), returncode=NOTHING_DONE) from refusal

    def _work(self, job: BulkJob) -> None:
        try:
            with tqdm(total=job.total, initial=job.done, unit="row", disable=None) as bar:
                for shown in bulk_enrollment.progress(job):
                    bar.update(shown.done - bar.n)
        except KeyboardInterrupt:
            job.refresh_from_db()
            self.stderr.write(
                f"Interrupted: {job.done} of {job.total} rows are done. Run the same command again to go on with the "
                f"rest. (A running service goes on by itself in about a minute; cancel job {job.pk} to prevent that.)"
            )
            sys.exit(INTERRUPTED)

    def _summarise(self, job: BulkJob) -> None:
        for outcome in OUTCOMES:
            if number := getattr(job, outcome):
                self.stdout.write(f"{number:>9,} {outcome}")
        for code, text, number in reasons_of(job):
            self.stdout.write(f"{number:>9,} {code}: {text}")
        if job.started_at and job.finished_at:
            seconds = (job.finished_at - job.started_at).total_seconds()
            self.stdout.write(f"{job.total:,} rows in {seconds:,.1f} seconds")

    def _report(self, job: BulkJob, path: Path) -> None:
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(CSV_HEADER)
                writer.writerows(row_as_cells(row) for row in every_row_result(job))
        except OSError as error:
            message = f"The rows are done, but {path} cannot be written: {error.strerror}"
            raise CommandError(message, returncode=SOME_FAILED) from error
        self.stdout.write(f"The result of every row is in {path}")


def _explained(refusal: Refusal, roster: str) -> str:
    """The errors of a refused file, one a line, as compilers write them."""
    body = refusal.body if isinstance(refusal.body, dict) else {}
    if "errors" not in body:
        return "\n".join(f"{name}: {' '.join(map(str, messages))}" for name, messages in body.items()) or refusal.text
    lines = []
    for error in body["errors"]:
        place = f"{roster}:{error['line']}" if error["line"] else roster
        column = f" {error['column']}:" if error["column"] else ""
        lines.append(f"{place}:{column} {error['message']}")
    return "\n".join([body["detail"], *lines])
