"""`manage.py send_pending_admin_reminders` (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from enterprise.services import admin_reminders


class Command(BaseCommand):
    help = "Reminds invited admins who have not begun; prints how many were reminded and why others were not."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(admin_reminders.remind()))
