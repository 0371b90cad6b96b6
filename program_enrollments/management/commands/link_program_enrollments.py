"""`manage.py link_program_enrollments` (contract: program-enrollments, Background work)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from enterprise.queries.emails import lowered
from program_enrollments.services.linking import link_by_username

MALFORMED = "incorrectly formatted argument '{}', must be in form <external user key>:<lms username>"
REPEATED = "external user key {} provided multiple times"
NO_UUID = "{!r} is not a UUID."


class Command(BaseCommand):
    help = "Links students of a program, known by the keys of a partner, with accounts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("program_uuid", help="The UUID of the program.")
        parser.add_argument("pairs", nargs="+", metavar="key:username", help="Whom to link with which account.")

    def handle(self, *args: Any, program_uuid: str, pairs: list[str], **options: Any) -> None:
        try:
            program = UUID(program_uuid)
        except ValueError as error:
            raise CommandError(NO_UUID.format(program_uuid)) from error
        usernames = _usernames(pairs)
        failures = link_by_username(program, usernames)
        for text in failures.values():
            self.stderr.write(text)
        self.stdout.write(f"{len(usernames) - len(failures)} students were linked, {len(failures)} not.")


def _usernames(pairs: Iterable[str]) -> dict[str, str]:
    """The pairs by key.

    Raises:
        CommandError: a pair is malformed, or a key is there twice in whatever case.
    """
    usernames: dict[str, str] = {}
    seen: set[str] = set()
    for pair in pairs:
        key, colon, username = pair.partition(":")
        if not (colon and key and username) or ":" in username:
            raise CommandError(MALFORMED.format(pair))
        if lowered(key) in seen:
            raise CommandError(REPEATED.format(key))
        seen.add(lowered(key))
        usernames[key] = username
    return usernames
