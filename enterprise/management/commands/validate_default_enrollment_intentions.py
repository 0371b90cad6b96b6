"""`manage.py validate_default_enrollment_intentions` (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from enterprise.management.batches import at_least_one
from enterprise.queries.default_intentions import outside_catalogs


class Command(BaseCommand):
    help = (
        "Checks that every default enrollment intention leads to a course run that a catalog of its customer holds. "
        "Fails naming those that do not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--delay-minutes",
            type=int,
            default=30,
            help="pass over customers whose catalogs changed in these last minutes (default 30)",
        )
        parser.add_argument("--batch-size", type=at_least_one, default=100, help="customers looked at together")

    def handle(self, *args: Any, **options: Any) -> None:
        settled = timezone.now() - timedelta(minutes=options["delay_minutes"])
        checked, wrong = 0, []
        for batch in outside_catalogs(settled, options["batch_size"]):
            checked += batch.checked
            wrong += batch.outside
        self.stdout.write(f"{checked} intentions checked.")
        for intention in wrong:
            self.stderr.write(f"{intention.enterprise_customer_id}: {intention.pk} ({intention.content_key})")
        if wrong:
            raise CommandError(f"{len(wrong)} intentions lead to nothing that a catalog of their customer holds.")
