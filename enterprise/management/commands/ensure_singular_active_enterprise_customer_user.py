"""`manage.py ensure_singular_active_enterprise_customer_user` (contract: roles-and-permissions 9)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from enterprise.management.batches import add_batch_arguments, with_rests
from enterprise.services.role_repairs import keep_one_active_link


class Command(BaseCommand):
    help = "Leaves users who act for several customers at once the customer that became active last."

    def add_arguments(self, parser: CommandParser) -> None:
        add_batch_arguments(parser, limit=100, sleep=5)

    def handle(self, *args: Any, **options: Any) -> None:
        batches = keep_one_active_link(options["batch_limit"], dry_run=options["dry_run"])
        total = sum(with_rests(batches, 0 if options["dry_run"] else options["batch_sleep"]))
        self.stdout.write(f"{total} users {'have several active links' if options['dry_run'] else 'put right'}.")
