"""Makes anew what catalogs hold, from the catalogue of courses, runs and programs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from enterprise.services import content


class Command(BaseCommand):
    help = "Makes anew what catalogs hold; needed only after writes to the catalogue that went past the service."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{content.rebuild()} courses, runs and programs are in the index.")
