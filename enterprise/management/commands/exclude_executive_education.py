"""Has catalog queries leave out executive education (contract: enterprise-customers 6)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from enterprise.management.batches import add_dry_run
from enterprise.queries.catalogs import catalog_queries
from enterprise.services.catalogs import exclude_executive_education, lacks_word_on_executive_education


class Command(BaseCommand):
    help = (
        "Adds course_type__exclude to the filters of catalog queries that say nothing about course_type and choose "
        "no content by aggregation_key. Queries that ask for executive education are left alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_dry_run(parser)  # type: ignore[arg-type]

    def handle(self, *args: Any, **options: Any) -> None:
        change = lacks_word_on_executive_education if options["dry_run"] else exclude_executive_education
        changed = [query.pk for query in catalog_queries() if change(query)]
        for number in changed:
            self.stdout.write(f"Catalog query {number}")
        word = "would be" if options["dry_run"] else "were"
        self.stdout.write(f"{len(changed)} catalog queries {word} changed.")
