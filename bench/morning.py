"""A morning at the admin portal: `python -m bench.morning [--minutes N] [--users N] [--jobs N] [--write FILE]`.

Starts an installation of its own, with web and task workers, beat and a mail sink, and as many admins as are asked for
(`bench.portal`, run by locust), half of them of a customer with 10,000 learners. Meanwhile jobs of 10,000 rows enroll
learners of that customer, with a mail for each. Prints how long the service took to start, latencies, the jobs, and the
memory of each process. Fails on any answer that was not meant, a job that did not end well, and memory that grows.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bench import report
from bench import service as real
from bench.endpoints import installed, use
from bench.load import WORKERS
from bench.scene import ADMINS, Scene

ORIGIN = "http://portal.example:1991"
PASSWORD = "a morning at the portal"
ROWS = 10_000
STARTS = 3
# The longest start and the largest web worker that are aimed at.
START_SECONDS, WEB_MEGABYTES = 3, 200
# Shares of the time at which memory is compared. By the first, every worker has met all pages and a job.
MOMENTS = {"beginning": 0.15, "middle": 0.5, "end": 1.0}
PATIENCE = 180  # seconds that requests and a job get to end when the time is over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--users", type=int, default=40, help="admins who use the portal at the same time")
    parser.add_argument("--jobs", type=int, default=4, help="bulk jobs, spread over the time")
    parser.add_argument("--rows", type=int, default=ROWS, help="of each job")
    parser.add_argument("--growth", type=float, default=0.1, help="the share by which a process may grow")
    parser.add_argument("--write", type=Path, help="the page whose tables are replaced by these")
    options = parser.parse_args()
    apps = json.dumps([ORIGIN]), json.dumps([ORIGIN.partition("//")[2]])
    with installed(CORS_ORIGIN_WHITELIST=apps[0], LOGIN_REDIRECT_WHITELIST=apps[1]) as site:
        problems = Morning(site, options).run()
    if problems:
        sys.exit("NOT as it should be:\n" + "\n".join(problems))
    print("every answer as meant, every job carried out, memory flat")


# --- What is judged --------------------------------------------------------------------------------------------------


@dataclass
class Memory:
    """What processes had resident, in megabytes, as the time went by."""

    samples: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    def note(self, kind: str, pid: int, share: float, megabytes: float) -> None:
        """
        Args:
            kind: of process; one that takes the place of another counts as a further one.
            share: of the time that is over, 0 to 1.
        """
        if pid not in self._names:
            number = 1 + sum(name.startswith(kind) for name in self._names.values())
            self._names[pid] = f"{kind} {number}"
        self.samples.setdefault(self._names[pid], []).append((share, megabytes))

    def at(self, name: str, moment: float) -> float | None:
        """The last figure before a moment; None when the process was not there, or had just begun."""
        before = [(share, megabytes) for share, megabytes in self.samples[name] if share <= moment]
        gap = max(0.05, MOMENTS["beginning"] / 2)
        return before[-1][1] if before and moment - before[-1][0] < gap else None

    def growth(self, name: str) -> float | None:
        """By which share it is larger at the end than at the first moment; None when it was not there at two."""
        figures = [each for each in (self.at(name, moment) for moment in MOMENTS.values()) if each]
        return figures[-1] / figures[0] - 1 if len(figures) > 1 else None

    def peak(self, kind: str) -> float:
        return max(megabytes for name in self.samples if name.startswith(kind) for _, megabytes in self.samples[name])

    def table(self) -> report.Table:
        rows: report.Table = [("memory, MB", *MOMENTS, "growth")]
        for name in self.samples:
            figures = [self.at(name, moment) for moment in MOMENTS.values()]
            growth = self.growth(name)
            shown = ["-" if each is None else f"{each:.0f}" for each in figures]
            rows.append((name, *shown, "-" if growth is None else f"{100 * growth:.1f} %"))
        return rows

    def problems(self, limit: float) -> list[str]:
        grown = {name: growth for name in self.samples if (growth := self.growth(name)) and growth > limit}
        return [f"{name} has grown by {100 * growth:.1f} %" for name, growth in grown.items()]


def requests_table(title: str, statistics_rows: Sequence[Mapping[str, str]]) -> report.Table:
    """Requests, failures and latencies of each kind, and of all, from locust's file."""
    rows: report.Table = [(title, "requests", "failures", "p50 ms", "p95 ms", "p99 ms")]
    for row in sorted(statistics_rows, key=lambda row: (row["Name"] != "Aggregated", row["Name"])):
        name = "all requests" if row["Name"] == "Aggregated" else row["Name"]
        latencies = [row["50%"], row["95%"], row["99%"]]
        rows.append((name, f"{int(row['Request Count']):,}", row["Failure Count"], *latencies))
    return rows


def request_problems(failures: Sequence[Mapping[str, str]]) -> list[str]:
    """What went wrong, from locust's file of failures."""
    return [f"{row['Name']}: {row['Error']} ({row['Occurrences']} times)" for row in failures]


@dataclass(frozen=True)
class Job:
    """What became of a bulk job."""

    rows: int
    done_well: int
    seconds: float | None  # of work; None: it has not ended


def jobs_table(jobs: Sequence[Job]) -> report.Table:
    rows: report.Table = [("bulk jobs", "rows", "done", "seconds", "rows/s")]
    for number, job in enumerate(jobs, 1):
        took = ("-", "-") if job.seconds is None else (f"{job.seconds:.1f}", f"{job.rows / job.seconds:,.0f}")
        rows.append((f"job {number}", f"{job.rows:,}", f"{job.done_well:,}", *took))
    return rows


def job_problems(jobs: Sequence[Job], expected: int) -> list[str]:
    problems = [f"{len(jobs)} jobs instead of {expected}"] if len(jobs) != expected else []
    for number, job in enumerate(jobs, 1):
        if job.seconds is None:
            problems.append(f"job {number} has not ended")
        elif job.done_well != job.rows:
            problems.append(f"job {number}: {job.rows - job.done_well:,} rows were not carried out")
    return problems


# --- What is done ----------------------------------------------------------------------------------------------------


class Morning:
    """One run of the benchmark."""

    def __init__(self, site: real.Service, options: argparse.Namespace) -> None:
        self.site, self.options = site, options
        self.seconds = 60 * options.minutes
        self.memory = Memory()

    def run(self) -> list[str]:
        """Prints and writes what was measured; what was not as it should be."""
        use(self.site)
        self.scene = Scene(with_content=False)
        seconds, cpu, fresh = self.start()
        self.work()
        jobs = self.jobs()
        web = self.memory.peak("web worker")
        start: report.Table = [
            ("start and size", "measured", "goal"),
            ("from the start of the server to the first answer, s", f"{seconds:.1f}", f"{START_SECONDS}"),
            ("CPU of each web worker for it, s", f"{cpu:.1f}", "-"),
            ("a web worker after its first answer, MB", f"{fresh:.0f}", "-"),
            ("the largest web worker under load, MB", f"{web:.0f}", f"{WEB_MEGABYTES}"),
        ]
        title = f"{self.options.users} admins, {self.options.minutes:g} minutes"
        tables = [requests_table(title, self.figures("stats")), jobs_table(jobs), self.memory.table(), start]
        for table in tables:
            report.show(table)
            print()
        if self.options.write:
            report.write(self.options.write, report.MORNING, report.machine(), *tables)
        problems = request_problems(self.figures("failures")) + job_problems(jobs, self.options.jobs)
        problems += self.memory.problems(self.options.growth)
        if seconds > START_SECONDS:
            problems.append(f"the start took {seconds:.1f} s")
        if web > WEB_MEGABYTES:
            problems.append(f"a web worker had {web:.0f} MB")
        return problems

    def start(self) -> tuple[float, float, float]:
        """Starts the web server some times, and leaves it running; the start that other work disturbed least counts.

        Returns:
            Seconds until the first answer to a request of the API, CPU seconds and megabytes of a worker then.
        """
        address = self.site.environment["LMS_ROOT_URL"] + "/enterprise/api/v1/enterprise-customer/dashboard_list/"
        headers = {"Authorization": f"JWT {self.scene.tokens['skipper']}"}
        took, used, megabytes = [], [], []
        for _ in range(STARTS):
            self.site.stop()
            began = time.monotonic()
            self.web = self.site.start_web(WORKERS)
            requests.get(address, headers=headers, timeout=60).raise_for_status()
            took.append(time.monotonic() - began)
            workers = real.children(self.web.pid)
            used.append(max(map(real.cpu_seconds, workers)))
            megabytes.append(max(map(real.resident_megabytes, workers)))
        return min(took), min(used), max(megabytes)

    def work(self) -> None:
        """Lets the admins in, and looks at the memory until they have gone."""
        self.site.start_sink()
        self.worker = self.site.start_worker(WORKERS)
        self.site.start_beat()
        real.wait_for("the task workers", lambda: len(real.children(self.worker.pid)) >= WORKERS, 60)
        scene = self.site.folder / "portal.json"
        scene.write_text(json.dumps(self.people()), encoding="utf-8")
        self.site.environment["PORTAL_SCENE"] = str(scene)
        number = self.options.users + 1
        pace = number / (self.seconds * MOMENTS["beginning"] / 2)  # all are there before memory is compared
        shape = ("--headless", "--users", f"{number}", "--spawn-rate", f"{pace:.2f}", "--stop-timeout", "60")
        files = ("--csv", str(self.site.folder / "portal"), "--loglevel", "WARNING", "--only-summary")
        where = ("--locustfile", "bench/portal.py", "--host", self.site.environment["LMS_ROOT_URL"])
        lasting = ("--run-time", f"{self.seconds:.0f}s")
        began = time.monotonic()
        portal = self.site.start("portal", "locust", *where, *shape, *lasting, *files)
        while portal.poll() is None:
            over = time.monotonic() - began
            if over > self.seconds + PATIENCE:
                raise TimeoutError(f"locust did not end: {self.site.log('portal')[-1000:]}")
            self.look(min(1.0, over / self.seconds))
            with suppress(subprocess.TimeoutExpired):
                portal.wait(2)
        self.look(1.0)

    def look(self, share: float) -> None:
        for kind, parent in (("web worker", self.web), ("task worker", self.worker)):
            for pid in real.children(parent.pid):
                self.memory.note(kind, pid, share, real.resident_megabytes(pid))

    def people(self) -> dict[str, Any]:
        """Who uses the portal: in turn an admin of the large customer and one of the many others."""
        from django.contrib.auth.hashers import make_password

        from enrollments.models import User
        from enterprise.models import EnterpriseCustomerUser

        fleet = {"customer": str(self.scene.fleet.pk), "slug": self.scene.fleet.slug}
        admins = EnterpriseCustomerUser.objects.filter(enterprise_customer__in=self.scene.customers).order_by("pk")
        found = admins.values_list("enterprise_customer_id", "enterprise_customer__slug", "user_fk__username")
        # One admin of each customer.
        others = {str(customer): (slug, username) for customer, slug, username in found}
        people: list[dict[str, str]] = []
        for number, (customer, (slug, username)) in enumerate(others.items()):
            people.append({"username": f"crew{number % ADMINS}", **fleet})
            people.append({"username": str(username), "customer": customer, "slug": slug})
        bulk_admin = {"username": "skipper", **fleet}
        names = {person["username"] for person in (*people, bulk_admin)}
        User.objects.filter(username__in=names).update(password=make_password(PASSWORD))
        return {
            "people": people,
            "bulk_admin": bulk_admin,
            "password": PASSWORD,
            "origin": ORIGIN,
            "runs": self.scene.runs[40 : 40 + self.options.jobs],
            "rows": self.options.rows,
            "pause": self.seconds / self.options.jobs * 0.95,
        }

    def figures(self, kind: str) -> list[dict[str, str]]:
        """The rows of one of locust's files.

        Raises:
            RuntimeError: locust could not begin.
        """
        path = self.site.folder / f"portal_{kind}.csv"
        if not path.exists():
            raise RuntimeError(f"locust failed: {self.site.log('portal')[-2000:]}")
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def jobs(self) -> list[Job]:
        from enterprise.models import BulkJob

        jobs = []
        for job in BulkJob.objects.filter(kind=BulkJob.Kind.ENROLLMENT).order_by("created"):
            seconds = None
            if job.started_at and job.finished_at:
                seconds = (job.finished_at - job.started_at).total_seconds()
            jobs.append(Job(job.total, job.succeeded + job.pending, seconds))
        return jobs


if __name__ == "__main__":
    main()
