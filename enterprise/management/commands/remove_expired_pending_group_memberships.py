"""`manage.py remove_expired_pending_group_memberships` (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from enterprise.models import EnterpriseCustomer
from enterprise.queries.customers import parsed_uuid
from enterprise.services import groups


class Command(BaseCommand):
    help = "Deletes group memberships that no account took up in time, with their pending learners."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-e", "--enterprise_customer", help="Only in groups of the customer with this UUID.")

    def handle(self, *args: Any, **options: Any) -> None:
        named, customer_id = options["enterprise_customer"], None
        if named:
            customer_id = parsed_uuid(named)
            if customer_id is None or not EnterpriseCustomer.all_objects.filter(pk=customer_id).exists():
                raise CommandError(f"There is no enterprise customer {named}.")
        before = timezone.now() - timedelta(days=settings.PENDING_GROUP_MEMBERSHIP_DAYS)
        total = groups.delete_expired(before, customer_id, self.stdout.write)
        if not total:
            self.stdout.write("No membership has expired.")
