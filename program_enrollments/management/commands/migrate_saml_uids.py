"""`manage.py migrate_saml_uids` (contract: program-enrollments, Background work)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from program_enrollments.services.saml_uids import migrate

SHAPE = "The file holds a JSON list of objects with the texts email and student_key."


class Command(BaseCommand):
    help = "Gives the SSO identities of a provider's accounts, named by e-mail address, the student keys of a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--uid-mapping", required=True, help=SHAPE)
        parser.add_argument("--saml-provider-slug", required=True, help="The slug of the identity provider.")

    def handle(self, *args: Any, uid_mapping: str, saml_provider_slug: str, **options: Any) -> None:
        if not saml_provider_slug or ":" in saml_provider_slug:
            raise CommandError(f"{saml_provider_slug!r} is not the slug of a provider.")
        done = migrate(saml_provider_slug, _student_keys(uid_mapping))
        for text in done.refused:
            self.stderr.write(text)
        self.stdout.write(
            f"{done.renamed} identities were renamed, {done.unchanged} had their uid already, {len(done.refused)} not."
        )


def _student_keys(name: str) -> dict[str, str]:
    """What the file says, student keys by address; of an address that is there twice the last one.

    Raises:
        CommandError: it cannot be read, or is not of that shape.
    """
    try:
        rows = json.loads(Path(name).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CommandError(f"{name} cannot be read: {error}") from error
    if not isinstance(rows, list):
        raise CommandError(SHAPE)
    student_keys: dict[str, str] = {}
    for row in rows:
        fields = row if isinstance(row, dict) else {}
        student_keys[_text(fields.get("email"))] = _text(fields.get("student_key"))
    return student_keys


def _text(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or "\0" in text:
        raise CommandError(SHAPE)
    return text
