"""`manage.py enroll_learner` (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.api.exceptions import Refusal
from enterprise.management.lookups import add_customer, customer_named
from enterprise.serializers.single_enrollment import MODES
from enterprise.services.single_enrollment import enroll_linked


class Command(BaseCommand):
    help = (
        "Enrolls one linked learner of a customer in a run that a catalog of the customer holds, and records that the "
        "learner consents to sharing course data. Running it again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_customer(parser, required=True)
        learner = parser.add_mutually_exclusive_group(required=True)
        learner.add_argument("--email", help="the learner's address, ignoring case")
        learner.add_argument("--username", help="the learner's user name, exactly")
        parser.add_argument("--course-run", required=True, metavar="KEY", help="key of the course run")
        parser.add_argument("--mode", choices=MODES, default="audit", help="mode to be enrolled in (default audit)")
        parser.add_argument("--no-consent", action="store_true", help="record no consent")

    def handle(self, *args: Any, **options: Any) -> None:
        customer = customer_named(options["customer"])
        try:
            enrolled = enroll_linked(
                customer,
                options["course_run"],
                options["mode"],
                username=options["username"],
                email=options["email"],
                with_consent=not options["no_consent"],
            )
        except Refusal as refused:
            raise CommandError(refused.text) from refused
        consents = "" if options["no_consent"] else " Consent is recorded."
        self.stdout.write(f"{enrolled} is enrolled in {options['course_run']} ({options['mode']}).{consents}")
