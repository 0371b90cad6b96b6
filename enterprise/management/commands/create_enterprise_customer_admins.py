"""`manage.py create_enterprise_customer_admins` (contract: roles-and-permissions 9)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from enterprise.management.batches import add_dry_run, at_least_one
from enterprise.services.role_repairs import create_admin_records


class Command(BaseCommand):
    help = "Makes the missing records of customer admins, and gives records without a last sign-in the present moment."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch-size", type=at_least_one, default=500)
        add_dry_run(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        signed_in = made = 0
        for stamped, created in create_admin_records(options["batch_size"], dry_run=options["dry_run"]):
            signed_in, made = signed_in + stamped, made + created
        would = "would be " if options["dry_run"] else ""
        self.stdout.write(f"{signed_in} admin records {would}stamped, {made} {would}made.")
