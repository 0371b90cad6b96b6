"""`manage.py expire_waiting_enrollments` (contract: program-enrollments, Background work)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from program_enrollments.services.expiry import expire_waiting

LONGEST = 36_500


class Command(BaseCommand):
    help = "Deletes enrollments in programs that no account took up in time, with all their history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--expiration_days", type=int, default=60, help="How long they may stay unchanged; 60 when left out."
        )

    def handle(self, *args: Any, expiration_days: int, **options: Any) -> None:
        if not 0 <= expiration_days <= LONGEST:
            raise CommandError(f"The days are a number from 0 to {LONGEST}.")
        self.stdout.write(f"{expire_waiting(expiration_days)} waiting enrollments were deleted.")
