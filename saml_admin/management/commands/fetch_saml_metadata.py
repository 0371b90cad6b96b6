"""`manage.py fetch_saml_metadata` (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from saml_admin.services import metadata


class Command(BaseCommand):
    help = "Fetches the metadata of all identity providers that are to be refreshed."

    def handle(self, *args: Any, **options: Any) -> None:
        done = metadata.refresh()
        self.stdout.write(
            f"{done.total} providers: {done.skipped} skipped, {done.attempted} attempted, {done.updated} updated, "
            f"{done.failed} failed."
        )
        if done.messages:
            raise CommandError("\n".join(done.messages))
