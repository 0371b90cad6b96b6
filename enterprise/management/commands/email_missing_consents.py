"""`manage.py email_missing_consents` (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from enterprise.management.batches import add_batch_arguments, at_least_one, with_rests
from enterprise.management.lookups import add_customer, customer_named
from enterprise.services.consent_reminders import remind

LONGEST = 36_500  # days


class Command(BaseCommand):
    help = (
        "Mails linked learners whose active enrollments miss a consent that their customer requires, one mail each "
        "with all their runs. Running it again mails only those who have a further run without consent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_customer(parser)
        parser.add_argument(
            "--days",
            type=at_least_one,
            metavar="N",
            help="only enrollments made in the last N days (default: all)",
        )
        add_batch_arguments(parser, limit=500, sleep=0)

    def handle(self, *args: Any, **options: Any) -> None:
        named, days, dry_run = options["customer"], options["days"], options["dry_run"]
        customer_id = customer_named(named).pk if named is not None else None
        since = timezone.now() - timedelta(days=min(days, LONGEST)) if days is not None else None
        batches = remind(customer_id, since, options["batch_limit"], dry_run=dry_run)
        total = sum(with_rests(batches, 0 if dry_run else options["batch_sleep"]))
        self.stdout.write(f"{total} learners {'would be' if dry_run else 'are'} mailed.")
