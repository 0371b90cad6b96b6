"""What requests cost: `python -m bench.endpoints [--only TEXT] [--seconds N] [--repeats N] [--scale N] [--write FILE]`.

For every endpoint: SQL statements, CPU per request in the web workers and in PostgreSQL (from /proc), requests per
second, latencies, bytes, and the multiple of the floor's CPU. The floor is a bare view behind the same authentication
that answers a constant of about as many bytes, measured right after the endpoint, on the same server: gunicorn with two
workers, four kept-alive connections. CPU is the steady figure; the others depend on what else the machine does.

With `--scale 10` the same is measured twice, on the usual data and on ten times as much, and compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import report
from bench import service as real
from bench.asked import CONTENT, Asked
from bench.load import Endpoint, Load, Measured
from bench.scene import Scene


@dataclass(frozen=True)
class Result:
    """What an endpoint and the floor beside it cost."""

    endpoint: Endpoint
    statements: int
    cost: Measured
    floor: Measured

    @property
    def multiple(self) -> float:
        return self.cost.cpu_ms / self.floor.cpu_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="how long each endpoint is asked")
    parser.add_argument("--repeats", type=int, default=2, help="how often; the time with the least CPU counts")
    parser.add_argument("--only", default="", help="names of endpoints that contain one of these, with | between")
    parser.add_argument("--scale", type=int, default=1, help="compare with so many times the data")
    parser.add_argument("--write", type=Path, help="the page whose table is replaced by this one")
    parser.add_argument("--part", nargs=2, metavar=("SCALE", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        scale, file = options.part
        with measuring(options, int(scale)) as results:
            lists = [(each.endpoint.name, each.cost.cpu_ms, each.cost.p50) for each in results]
            Path(file).write_text(json.dumps([report.machine(), lists]), encoding="utf-8")
        return
    if options.scale == 1:
        with measuring(options, 1) as results:
            rows, machine, name = report.costs(results), report.machine(), report.COSTS
    else:
        (_, small), (machine, large) = (_apart(options, scale) for scale in (1, options.scale))
        rows, name = report.growth(small, large), report.GROWTH
    if options.write:
        report.write(options.write, name, machine, rows)


def _apart(options: argparse.Namespace, scale: int) -> Any:
    """The machine, and what lists cost on so many times the data: (name, CPU, p50). In a process of its own, as each
    installation has keys and addresses of its own."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "bench.endpoints", "--scale", str(options.scale), "--only", options.only]
        command += ["--seconds", str(options.seconds), "--repeats", str(options.repeats)]
        subprocess.run([*command, "--part", str(scale), file.name], check=True)
        return json.loads(Path(file.name).read_text(encoding="utf-8"))


@contextmanager
def measuring(options: argparse.Namespace, scale: int) -> Iterator[Iterator[Result]]:
    """A service of its own with data, and what its endpoints cost, one after the other."""
    with installed() as site:
        yield _results(site, options, scale)


@contextmanager
def installed(**settings: str) -> Iterator[real.Service]:
    """An installation of its own, with these settings, which nothing runs yet; gone at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database_url = stack.enter_context(real.database("matricula_bench"))
        cache, broker = stack.enter_context(real.redis_databases(2))
        urls = {"DATABASE_URL": database_url, "REDIS_URL": cache, "CELERY_BROKER_URL": broker}
        site = real.Service(folder, {**urls, **settings, "DJANGO_SETTINGS_MODULE": "bench.settings"})
        stack.callback(site.stop)
        yield site


def _results(site: real.Service, options: argparse.Namespace, scale: int) -> Iterator[Result]:
    wanted = [text for text in options.only.split("|") if text]
    compares = options.scale > 1
    use(site)
    with_content = not compares and (not wanted or any(text in f"contains {CONTENT}" for text in wanted))
    scene = Scene(scale, with_content=with_content)
    load = Load(site, options.seconds, scene.tokens["staff"])
    for endpoint in Asked(scene).endpoints():
        if wanted and not any(text in endpoint.name for text in wanted):
            continue
        if compares and (endpoint.body or not endpoint.grows):
            continue
        statements = load.statements(endpoint)
        yield Result(endpoint, statements, *load.cost(endpoint, options.repeats, with_floor=not compares))


def use(site: real.Service) -> None:
    """Makes the tables, and has this process speak with the service's database."""
    os.environ.update(site.environment)
    site.manage("migrate", "--verbosity", "0")
    import django

    django.setup()


if __name__ == "__main__":
    main()
