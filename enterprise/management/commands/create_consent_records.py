"""`manage.py create_consent_records` (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.api.exceptions import Refusal
from enterprise.management.batches import add_batch_arguments, with_rests
from enterprise.management.lookups import add_customer, customer_named
from enterprise.services.consent_records import write_missing


class Command(BaseCommand):
    help = (
        "Records consent to share course data, as granted unless told otherwise, for the enterprise enrollments of a "
        "customer's linked learners that have no record, or one without an answer. Answers that were given stay. "
        "Running it again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_customer(parser, required=True)
        parser.add_argument("--course", metavar="KEY", help="only this run, or the runs of this course")
        answer = parser.add_mutually_exclusive_group()
        answer.add_argument("--granted", action="store_true", default=True, help="consent is given (default)")
        answer.add_argument("--denied", action="store_false", dest="granted", help="consent is refused")
        add_batch_arguments(parser, limit=1000, sleep=0)

    def handle(self, *args: Any, **options: Any) -> None:
        customer, dry_run = customer_named(options["customer"]), options["dry_run"]
        try:
            batches = write_missing(
                customer, options["granted"], options["batch_limit"], course_id=options["course"], dry_run=dry_run
            )
        except Refusal as refused:
            raise CommandError(refused.text) from refused
        created = repaired = 0
        for written in with_rests(batches, 0 if dry_run else options["batch_sleep"]):
            created, repaired = created + written.created, repaired + written.repaired
        would = "would be " if dry_run else ""
        self.stdout.write(f"{created} consent records {would}created, {repaired} {would}repaired.")
