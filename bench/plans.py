"""How PostgreSQL finds what lists show: `python -m bench.plans [--only TEXT] [--scale N]`.

Asks every GET of the benchmark on its data while the server explains what it does (`auto_explain`), and prints the
indexes that served and how many rows were read without one. Fails where a statement reads through a large table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from bench import service as real
from bench.asked import Asked
from bench.endpoints import installed, use
from bench.load import Endpoint
from bench.report import NAME_WIDTH
from bench.scene import Scene

# Rows that may be read one after the other: small tables are read faster so.
FEW = 1_000
# Where all rows are asked for: the number of them is in the answer, up to a bound.
WHOLE = {"admin: ", "customer basic_list"}


@dataclass
class Reads:
    """What statements read."""

    statements: int = 0
    indexes: set[str] = field(default_factory=set)
    unindexed: dict[str, int] = field(default_factory=dict)

    def add(self, node: dict[str, Any]) -> None:
        """Counts a node of a plan and those below it."""
        if "Index Name" in node:
            self.indexes.add(node["Index Name"])
        elif node["Node Type"] == "Seq Scan":
            rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            table = node["Relation Name"]
            self.unindexed[table] = max(rows, self.unindexed.get(table, 0))
        for below in node.get("Plans", ()):
            self.add(below)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of endpoints that contain this")
    parser.add_argument("--scale", type=int, default=1, help="so many times the data")
    options = parser.parse_args()
    with ExitStack() as stack:
        site: real.Service = stack.enter_context(installed())
        use(site)
        scene = Scene(options.scale, with_content=False)
        wrong = 0
        for endpoint in Asked(scene).endpoints():
            if endpoint.body or endpoint.name == "floor" or options.only not in endpoint.name:
                continue
            reads = read_by(endpoint)
            slow = {table: rows for table, rows in reads.unindexed.items() if rows > FEW}
            is_wrong = bool(slow) and not any(endpoint.name.startswith(name) for name in WHOLE)
            wrong += is_wrong
            print(f"{endpoint.name:{NAME_WIDTH}} {', '.join(sorted(reads.indexes))}", flush=True)
            for table, rows in slow.items():
                print(f"{'WRONG' if is_wrong else 'all rows':>{NAME_WIDTH}} {table}: {rows:,} rows read one by one")
    if wrong:
        sys.exit(f"{wrong} endpoints read through large tables")
    print("no statement reads through a large table")


def read_by(endpoint: Endpoint) -> Reads:
    """What the third request reads: the first two fill what is kept for a while, as the number of a list's rows."""
    from django.db import connection
    from rest_framework.test import APIClient

    client = APIClient(headers={**endpoint.headers, "Host": "127.0.0.1"})
    for _ in range(2):
        client.get(endpoint.path)
    plans: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute("LOAD 'auto_explain'")
        for name, value in (("log_min_duration", "0"), ("log_analyze", "on"), ("log_format", "json")):
            cursor.execute(f"SET auto_explain.{name} = '{value}'")
        cursor.execute("SET client_min_messages = log")
    driver: Any = connection.connection

    def heard(notice: Any) -> None:
        plans.append(notice.message_primary)

    driver.add_notice_handler(heard)
    try:
        answer = client.get(endpoint.path)
    finally:
        driver.remove_notice_handler(heard)
        with connection.cursor() as cursor:
            cursor.execute("SET auto_explain.log_min_duration = -1")
    if answer.status_code != 200:
        raise RuntimeError(f"{endpoint.name}: {answer.status_code}")
    reads = Reads()
    for plan in _parsed(plans):
        reads.statements += 1
        reads.add(plan)
    return reads


def _parsed(notices: list[str]) -> Iterator[dict[str, Any]]:
    for notice in notices:
        if "plan:" in notice:
            yield json.loads(notice.partition("plan:")[2])["Plan"]


if __name__ == "__main__":
    main()
