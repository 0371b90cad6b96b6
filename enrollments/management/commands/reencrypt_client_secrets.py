"""`manage.py reencrypt_client_secrets`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from enrollments.services.oauth_clients import reencrypt_secrets


class Command(BaseCommand):
    help = (
        "Encrypts the secrets of API credentials anew with the first key of CLIENT_SECRET_KEYS. "
        "To rotate: put a new key in front, restart, run this, take the old key out, restart."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done, lost = reencrypt_secrets()
        self.stdout.write(f"{done} secrets were encrypted anew.")
        if lost:
            raise CommandError(f"No key opens the secrets of {', '.join(lost)}; they stay as they are.")
