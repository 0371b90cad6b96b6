"""What requests cost: `python -m bench.endpoints [--only TEXT] [--seconds N] [--repeats N] [--scale N] [--write FILE]`.

For every endpoint: SQL statements, CPU per request in the web workers and in PostgreSQL (from /proc), requests per
second, latencies, bytes, and the multiple of the floor's CPU. The floor is a bare view behind the same authentication
that answers a constant of about as many bytes, measured right after the endpoint, on the same server: gunicorn with two
workers, four kept-alive connections. CPU is the steady figure; the others depend on what else the machine does.

With `--scale 10` the same is measured twice, on the usual data and on ten times as much, and compared.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

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
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        run(Path(folder))


def run(folder: Path) -> None:
    """
    Args:
        folder: of all installations: tokens are signed with the keys that lie there.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="how long each endpoint is asked")
    parser.add_argument("--repeats", type=int, default=2, help="how often; the time with the least CPU counts")
    parser.add_argument("--only", default="", help="names of endpoints that contain one of these, with | between")
    parser.add_argument("--scale", type=int, default=1, help="compare with so many times the data")
    parser.add_argument("--write", type=Path, help="the page whose table is replaced by this one")
    options = parser.parse_args()
    if options.scale == 1:
        with measuring(options, 1, folder) as results:
            rows = report.costs(results)
            machine = report.machine()
        name = report.COSTS
    else:
        measured = []
        for scale in (1, options.scale):
            with measuring(options, scale, folder) as results:
                measured.append(list(results))
                machine = report.machine()
        rows, name = report.growth(*measured), report.GROWTH
    if options.write:
        report.write(options.write, name, rows, machine)


@contextmanager
def measuring(options: argparse.Namespace, scale: int, folder: Path) -> Iterator[Iterator[Result]]:
    """A service of its own with data, and what its endpoints cost, one after the other."""
    with installed(folder) as site:
        yield _results(site, options, scale)


@contextmanager
def installed(folder: Path) -> Iterator[real.Service]:
    """An installation of its own, which nothing runs yet; gone at the end."""
    with ExitStack() as stack:
        database_url = stack.enter_context(real.database("matricula_bench"))
        cache, broker = stack.enter_context(real.redis_databases(2))
        urls = {"DATABASE_URL": database_url, "REDIS_URL": cache, "CELERY_BROKER_URL": broker}
        site = real.Service(folder, {**urls, "DJANGO_SETTINGS_MODULE": "bench.settings"})
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
    """Has this process speak with the service's database, after another one too."""
    os.environ.update(site.environment)
    site.manage("migrate", "--verbosity", "0")
    import django
    from django.conf import settings

    if not settings.configured or not django.apps.apps.ready:
        django.setup()
    from django.core.cache import caches
    from django.db import connection, connections

    connections.close_all()
    connection.settings_dict["NAME"] = site.environment["DATABASE_URL"].rpartition("/")[2]
    for alias in caches:
        if "locmem" in settings.CACHES[alias]["BACKEND"]:
            caches[alias].clear()


if __name__ == "__main__":
    main()
