"""`manage.py backfill_learner_role_assignments` (contract: roles-and-permissions 9)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from enterprise.management.batches import add_batch_arguments, with_rests
from enterprise.services.role_repairs import backfill_learner_roles


class Command(BaseCommand):
    help = "Gives every linked learner the role enterprise_learner for that customer where it is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        add_batch_arguments(parser, limit=250, sleep=5)

    def handle(self, *args: Any, **options: Any) -> None:
        batches = backfill_learner_roles(options["batch_limit"], dry_run=options["dry_run"])
        total = sum(with_rests(batches, 0 if options["dry_run"] else options["batch_sleep"]))
        self.stdout.write(f"{total} role assignments {'are missing' if options['dry_run'] else 'made'}.")
