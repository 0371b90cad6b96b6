"""Ends the enrollments of learners who leave, from a CSV file."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from enterprise.services.unenrollment import Leaver, Summary, unenroll


class Command(BaseCommand):
    help = (
        "Ends the enrollments of learners that a customer stands behind. The first line of the CSV file names the "
        "columns: course_run_key, and user_id or email. Learners without an account lose their pending enrollment. "
        "Running it again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("roster", help="the CSV file, in UTF-8")
        parser.add_argument("--customer", required=True, help="slug of the customer")
        parser.add_argument("--actor", help="username of the account that the history names")

    def handle(self, *args: Any, **options: Any) -> None:
        customer = EnterpriseCustomer.objects.filter(slug=options["customer"]).first()
        if customer is None:
            raise CommandError(f"There is no active customer {options['customer']!r}.")
        actor = User.objects.filter(username=options["actor"]).first() if options["actor"] else None
        if options["actor"] and actor is None:
            raise CommandError(f"There is no account {options['actor']!r}.")
        summary = Summary()
        try:
            with Path(options["roster"]).open(encoding="utf-8-sig", newline="") as file:
                leavers = list(_leavers(csv.DictReader(file)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CommandError(f"{options['roster']} cannot be read: {error}") from error
        for summary in unenroll(customer, leavers, actor):
            done = summary.unenrolled + summary.withdrawn + summary.unknown
            self.stdout.write(f"{done:>9,} of {len(leavers):,} rows")
        self.stdout.write(f"{summary.unenrolled:>9,} enrollments ended")
        self.stdout.write(f"{summary.withdrawn:>9,} pending enrollments withdrawn")
        self.stdout.write(f"{summary.unknown:>9,} rows without such an enrollment")


def _leavers(rows: Iterable[dict[str, str | None]]) -> Iterator[Leaver]:
    """
    Raises:
        CommandError: a line names no run, or no learner.
    """
    for line, row in enumerate(rows, 2):
        user_id, email, run_key = ((row.get(name) or "").strip() for name in ("user_id", "email", "course_run_key"))
        if not run_key:
            raise CommandError(f"Line {line}: course_run_key is missing.")
        if user_id and not (user_id.isascii() and user_id.isdigit() and len(user_id) < 19):
            raise CommandError(f"Line {line}: {user_id!r} is not an account id.")
        if not user_id and not email:
            raise CommandError(f"Line {line}: user_id or email is missing.")
        yield Leaver(int(user_id) if user_id else None, email, run_key)
