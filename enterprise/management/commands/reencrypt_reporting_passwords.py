"""`manage.py reencrypt_reporting_passwords` (contract: enterprise-customers 6)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from enterprise.services.reporting import reencrypt_passwords


class Command(BaseCommand):
    help = (
        "Encrypts the passwords of reporting configurations anew with the first key of ENTERPRISE_REPORTING_SECRET. "
        "To rotate: put a new key in front, restart, run this, take the old key out, restart."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        lost = 0

        def tell(pk: int, field: str) -> None:
            nonlocal lost
            lost += 1
            self.stderr.write(f"No key opens {field} of configuration {pk}; it stays as it is.")

        done = reencrypt_passwords(tell)
        self.stdout.write(f"{done} passwords were encrypted anew.")
        if lost:
            raise CommandError(f"{lost} passwords could not be read.")
