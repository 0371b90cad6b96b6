"""`manage.py revert_enrollments` (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.api.exceptions import Refusal
from enterprise.management.batches import add_dry_run
from enterprise.services.enrollment_backups import Backup, read, revert


class Command(BaseCommand):
    help = (
        "Sets enrollments back to the mode and activity that a CSV file says. Its first line names the columns: "
        "user_id or username, course_run_key, mode, is_active. Enrollments that the file does not name stay, and none "
        "is made. Enterprise enrollments follow; no learner is mailed. Running it again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backup", help="the CSV file")
        add_dry_run(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        backup = self._read(options["backup"])
        summary = revert(backup, dry_run=options["dry_run"])
        self.stdout.write(f"{summary.changed:>9,} enrollments {'would be ' if options['dry_run'] else ''}set back")
        self.stdout.write(f"{summary.unchanged:>9,} are as the file says already")
        self.stdout.write(f"{summary.unknown:>9,} do not exist")

    def _read(self, name: str) -> Backup:
        try:
            with Path(name).open("rb") as file:
                return read(file)
        except OSError as error:
            raise CommandError(f"{name}: {error.strerror}") from error
        except Refusal as refused:
            for problem in refused.body["errors"]:
                place = ", ".join(str(each) for each in (problem["line"], problem["column"]) if each is not None)
                self.stderr.write(f"{place}: {problem['message']}" if place else problem["message"])
            raise CommandError(f"{name} cannot be used. Nothing was done.") from refused
