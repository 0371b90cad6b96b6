"""`manage.py create_enterprise_course_enrollments` (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from enterprise.management.batches import add_batch_arguments, with_rests
from enterprise.management.lookups import customer_named
from enterprise.services.course_enrollments import create_missing


class Command(BaseCommand):
    help = (
        "Makes the missing enterprise enrollments of linked learners who are actively enrolled in a run that a catalog "
        "of their customer holds. Running it again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--enterprise-customer-uuid", metavar="UUID_OR_SLUG", help="only learners of this customer")
        add_batch_arguments(parser, limit=500, sleep=0)

    def handle(self, *args: Any, **options: Any) -> None:
        named, dry_run = options["enterprise_customer_uuid"], options["dry_run"]
        customer_id = customer_named(named).pk if named is not None else None
        batches = create_missing(customer_id, options["batch_limit"], dry_run=dry_run)
        total = sum(with_rests(batches, 0 if dry_run else options["batch_sleep"]))
        self.stdout.write(f"{total} enterprise enrollments {'are missing' if dry_run else 'made'}.")
