"""`manage.py update_enterprise_social_auth_uids` (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

import csv
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from saml_admin.services import identities


class Command(BaseCommand):
    help = "Gives SSO identities new uids, from a CSV file with the columns old-uid and new-uid."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("csv_file", help="With the columns old-uid and new-uid.")
        parser.add_argument("--old-prefix", default="", help="To be put before each old-uid.")
        parser.add_argument("--new-prefix", default="", help="To be put before each new-uid.")
        parser.add_argument("--no-dry-run", action="store_true", help="Change them, instead of saying what would be.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with open(options["csv_file"], newline="", encoding="utf-8-sig") as file:  # noqa: PTH123
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CommandError(f"{options['csv_file']} cannot be read: {error}") from error
        if rows and not {"old-uid", "new-uid"} <= rows[0].keys():
            raise CommandError("The file needs the columns old-uid and new-uid.")
        wanted = [
            (f"{options['old_prefix']}{row['old-uid']}", f"{options['new_prefix']}{row['new-uid']}")
            for row in rows
            if row["old-uid"] and row["new-uid"]
        ]
        done = identities.rename(wanted, dry_run=not options["no_dry_run"])
        for text in done.refused:
            self.stderr.write(text)
        would = "" if options["no_dry_run"] else "would be "
        self.stdout.write(f"{done.renamed} identities {would}renamed, {len(done.refused)} not.")
