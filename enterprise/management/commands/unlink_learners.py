"""Unlinks the learners of a CSV file, with or without what they answered about sharing data."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.api.exceptions import Refusal
from enterprise.models import EnterpriseCustomer
from enterprise.services import learner_lists


class Command(BaseCommand):
    help = (
        "Unlinks the learners of a customer whose addresses a CSV file names, in its column `email` or its first one. "
        "Learners without an account stop waiting. Running it again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the CSV file")
        parser.add_argument("--customer", required=True, help="slug of the customer")
        parser.add_argument("--for-good", action="store_true", help="only an operator can link them again")
        consents = parser.add_mutually_exclusive_group()
        consents.add_argument("--with-consents", action="store_true", help="delete their consents to share data too")
        consents.add_argument("--consents-only", action="store_true", help="delete their consents, and leave the links")

    def handle(self, *args: Any, **options: Any) -> None:
        customer = EnterpriseCustomer.all_objects.filter(slug=options["customer"]).first()
        if customer is None:
            raise CommandError(f"There is no customer {options['customer']!r}.")
        try:
            with Path(options["file"]).open("rb") as file:
                addresses = learner_lists.addresses_of(file)
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        except Refusal as refused:
            raise CommandError(f"{options['file']}: {refused.text}") from refused
        if options["consents_only"]:
            with transaction.atomic():
                number = learner_lists.delete_consents(customer, addresses)
            self.stdout.write(f"{number:>9,} consents deleted")
            return
        done = learner_lists.unlink(
            customer, addresses, is_relinkable=not options["for_good"], with_consents=options["with_consents"]
        )
        self.stdout.write(f"{done.unlinked:>9,} learners unlinked")
        self.stdout.write(f"{len(done.unknown):>9,} addresses were not linked")
        if options["with_consents"]:
            self.stdout.write(f"{done.consents:>9,} consents deleted")
