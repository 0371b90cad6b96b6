"""`manage.py reset_enrollment_data` (contract: program-enrollments, Background work)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from program_enrollments.services.reset import reset_programs

WORD = "confirm"


class Command(BaseCommand):
    help = "Deletes all enrollments in programs, and the plain enrollments in runs that were made for them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("programs", help="UUIDs of the programs, separated by commas.")
        parser.add_argument("--force", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, **options: Any) -> None:
        program_ids = {_uuid(text) for text in options["programs"].split(",")}
        if not options["force"]:
            named = ", ".join(sorted(map(str, program_ids)))
            self.stdout.write(f"This deletes all enrollments in the programs {named}.")
            if _answer(f'Type "{WORD}" to go on: ') != WORD:
                raise CommandError("Nothing was deleted.")
        reset_programs(program_ids)
        self.stdout.write("Done.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError as error:
        raise CommandError(f"{text.strip()!r} is not a UUID.") from error


def _answer(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        return ""
