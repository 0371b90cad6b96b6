"""Gives all catalogs of one catalog query another one (contract: enterprise-customers 6)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from enterprise.models import EnterpriseCatalogQuery
from enterprise.queries.catalogs import catalog_query_of
from enterprise.services.catalogs import move_catalogs


class Command(BaseCommand):
    help = "Gives all catalogs of the catalog query OLD the query NEW, and its content filter."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("old", type=int, metavar="OLD", help="id of the query that the catalogs have")
        parser.add_argument("new", type=int, metavar="NEW", help="id of the query that they get")

    def handle(self, *args: Any, **options: Any) -> None:
        old, new = self._query(options["old"]), self._query(options["new"])
        number = move_catalogs(old, new)
        self.stdout.write(f"{number} catalogs of query {old.pk} have query {new.pk} now.")

    def _query(self, number: int) -> EnterpriseCatalogQuery:
        query = catalog_query_of(number)
        if query is None:
            raise CommandError(f"There is no catalog query {number}.")
        return query
