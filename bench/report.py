"""Tables of what was measured: printed line by line, and kept in a page of the documentation."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COSTS, GROWTH, MORNING = "Costs", "Growth", "A morning at the portal"
COST_HEADINGS = ("SQL", "web CPU ms", "PG CPU ms", "req/s", "p50 ms", "p99 ms", "bytes", "x floor", "goal")
GROWTH_HEADINGS = ("CPU ms", "CPU ms x10", "ratio", "p50 ms", "p50 ms x10", "ratio")
NAME_WIDTH = 52
Table = list[tuple[str, ...]]


def costs(results: Iterable[Any]) -> Table:
    """Prints each result as it comes; the table."""
    rows: Table = [("", *COST_HEADINGS)]
    _print(rows[0])
    for result in results:
        cost, goal = result.cost, result.endpoint.goal
        missed = goal is not None and result.multiple > goal + 0.05
        rows.append(
            (
                result.endpoint.name, f"{result.statements}", f"{cost.web_ms:.2f}", f"{cost.database_ms:.2f}",
                f"{cost.per_second:.1f}", f"{cost.p50:.1f}", f"{cost.p99:.1f}", f"{cost.size:,}",
                f"{result.multiple:.1f}", f"{goal or '-'}{' missed' if missed else ''}",
            )
        )  # fmt: skip
        _print(rows[-1])
    return rows


def growth(small: Sequence[Any], large: Sequence[Any]) -> Table:
    """Prints how much more the same costs on more data; the table.

    Args:
        small, large: (name, CPU, p50) of each list, in the same order.
    """
    rows: Table = [("", *GROWTH_HEADINGS)]
    _print(rows[0])
    for (name, *before), (_, *after) in zip(small, large, strict=True):
        figures = [(f"{few:.2f}", f"{many:.2f}", f"{many / few:.2f}") for few, many in zip(before, after, strict=True)]
        rows.append((name, *figures[0], *figures[1]))
        _print(rows[-1])
    return rows


def write(page: Path, heading: str, machine: str, *tables: Table) -> None:
    """Replaces what was measured below a heading of the second level, up to the next one."""
    lines = [f"Measured {datetime.now(UTC):%d %B %Y} on {machine}."]
    for rows in tables:
        lines += ["", _line(rows[0]), "|---|" + "---:|" * (len(rows[0]) - 1), *map(_line, rows[1:])]
    parts = page.read_text(encoding="utf-8").split("\n## ")
    (place,) = [number for number, part in enumerate(parts) if part.startswith(f"{heading}:")]
    intro = parts[place].partition("\nMeasured ")[0].rstrip()
    parts[place] = "\n".join([intro, "", *lines, ""])
    page.write_text("\n## ".join(parts), encoding="utf-8")


def show(rows: Table) -> None:
    """Prints a table."""
    for row in rows:
        _print(row)


def _print(row: Sequence[str]) -> None:
    print(f"{row[0]:{NAME_WIDTH}}", *(f"{each:>10}" for each in row[1:]), flush=True)


def _line(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def machine() -> str:
    """What is measured on, in words; while the service's database is there."""
    from django.db import connection

    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0].partition(".")[0]
    return (
        f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), which clients, web workers and "
        f"PostgreSQL {version} share; Python {platform.python_version()}"
    )
