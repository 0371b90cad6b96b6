"""`manage.py backfill_implied_dsc_records` (contract: enterprise-learners, DataSharingConsent)."""

from __future__ import annotations

import argparse
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from enterprise.models import EnterpriseCustomer
from enterprise.services import consent


class Command(BaseCommand):
    help = (
        "Records consent as granted for the enrollments of linked learners whose customer manages consent outside the "
        "service, where there is no record yet and no refusal. Running it again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--enterprise-customer-uuid", type=_uuid, help="only the enrollments of this customer")
        parser.add_argument("--no-commit", action="store_true", help="count what would be recorded, and record nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        customer_id = options["enterprise_customer_uuid"]
        if customer_id is not None and not EnterpriseCustomer.all_objects.filter(pk=customer_id).exists():
            raise CommandError(f"There is no customer {customer_id}.")
        dry_run = options["no_commit"]
        total = sum(consent.backfill_implied(customer_id, dry_run=dry_run))
        self.stdout.write(f"{total} consents {'are missing' if dry_run else 'recorded'}.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a UUID") from error
