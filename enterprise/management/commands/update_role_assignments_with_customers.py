"""`manage.py update_role_assignments_with_customers` (contract: roles-and-permissions 9)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from enterprise.management.batches import add_dry_run, at_least_one
from enterprise.models import RoleAssignmentUpdateOptions
from enterprise.models.roles import ROLES_BY_LINK
from enterprise.queries.customers import parsed_uuid
from enterprise.services.role_repairs import place_roles


class Command(BaseCommand):
    help = (
        "Users who hold a role for some customer get it for every customer they are linked to; operators' assignments "
        "are marked as reaching all customers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", choices=ROLES_BY_LINK, help="Only this role; all four when left out.")
        parser.add_argument("--batch-size", type=at_least_one, default=500)
        parser.add_argument("--enterprise-customer-uuid", help="Only links with this customer.")
        parser.add_argument(
            "--args-from-database",
            action="store_true",
            help="Take the options of the newest enabled row of the admin site.",
        )
        add_dry_run(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["args_from_database"]:
            stored = RoleAssignmentUpdateOptions.objects.filter(enabled=True).order_by("-pk").first()
            if stored is None:
                raise CommandError("No options are stored and enabled.")
            options |= stored.as_options()
        customer_uuid = parsed_uuid(options["enterprise_customer_uuid"])
        if options["enterprise_customer_uuid"] and customer_uuid is None:
            raise CommandError(f"{options['enterprise_customer_uuid']} is not a uuid.")
        would = "would be " if options["dry_run"] else ""
        for role in [options["role"]] if options["role"] else ROLES_BY_LINK:
            batches = place_roles(role, options["batch_size"], customer_uuid=customer_uuid, dry_run=options["dry_run"])
            self.stdout.write(f"{role}: {sum(batches)} assignments {would}made or changed.")
