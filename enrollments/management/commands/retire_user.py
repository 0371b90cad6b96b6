"""`manage.py retire_user --username NAME`: forgets a learner (contract: support 4.3, Retiring)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from enrollments.models import User
from enrollments.services.retirement import retire


class Command(BaseCommand):
    help = "Retires an account for good: its person is forgotten, its enrollments end. It cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", required=True, help="the account's user name, exactly")

    def handle(self, *args: Any, **options: Any) -> None:
        account = User.objects.filter(username=options["username"]).first()
        if account is None:
            raise CommandError(f"No account has the user name {options['username']}.")
        status = retire(account)
        self.stdout.write(f"Retired {status.original_username} as {status.retired_username}.")
