"""`manage.py assign_system_wide_enterprise_role` (contract: roles-and-permissions 9)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from enterprise.queries.customers import parsed_uuid
from enterprise.services.roles import UnknownRole, assign


class Command(BaseCommand):
    help = "Gives a user a system-wide role for one customer or for all. Running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--role", required=True, help="The name of a system-wide role, such as enterprise_admin.")
        scope = parser.add_mutually_exclusive_group(required=True)
        scope.add_argument("--all-contexts", action="store_true", help="For all customers.")
        scope.add_argument("--enterprise-customer", metavar="SLUG_OR_UUID", help="For this customer.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"No account has the user name {options['username']}.")
        customer = self.customer(options["enterprise_customer"]) if options["enterprise_customer"] is not None else None
        try:
            assignment = assign(user, options["role"], customer, options["all_contexts"])
        except UnknownRole as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(str(assignment.pk))

    def customer(self, text: str) -> EnterpriseCustomer:
        """The customer with this slug, else the one with this uuid."""
        customers = EnterpriseCustomer.all_objects
        found = customers.filter(slug=text).first()
        if found is None and (uuid := parsed_uuid(text)):
            found = customers.filter(pk=uuid).first()
        if found is None:
            raise CommandError(f"No customer has the slug or uuid {text}.")
        return found
