"""A whole Matricula of real processes with a database and a broker of its own; for measurements and fault tests.

Environment: BENCH_POSTGRES, BENCH_REDIS: addresses of servers on which databases may be made and dropped.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = os.environ.get("BENCH_POSTGRES") or "postgres://postgres@127.0.0.1:5432/postgres"
REDIS = os.environ.get("BENCH_REDIS") or "redis://127.0.0.1:6379"
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, met: Callable[[], object], seconds: float = 30, pause: float = 0.05) -> None:
    """
    Raises:
        TimeoutError: not met in time.
    """
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(pause)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def database(name: str, template: str = "") -> Iterator[str]:
    """The URL of a new PostgreSQL database, dropped at the end.

    Args:
        template: URL of a database to copy, which nobody is connected to.
    """
    name = f"{name}_{os.getpid()}"
    copied = f' TEMPLATE "{urlsplit(template).path.lstrip("/")}"' if template else ""
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"{copied}'.encode())
        try:
            yield urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
        finally:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


@contextmanager
def redis_databases(number: int) -> Iterator[list[str]]:
    """URLs of Redis databases that were empty, emptied again at the end."""
    candidates = [f"{REDIS}/{index}" for index in range(15, 0, -1)]
    empty = [url for url in candidates if redis.Redis.from_url(url).dbsize() == 0][:number]
    if len(empty) < number:
        raise RuntimeError(f"{REDIS} has no {number} empty databases")
    try:
        yield empty
    finally:
        for url in empty:
            redis.Redis.from_url(url).flushdb()


class Service:
    """Starts processes of one installation and ends them; ends nothing else.

    Args:
        folder: where logs, keys and the mails' list go.
        environment: settings, beside those that every process gets.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.mail_port, self.web_port = free_port(), free_port()
        self.mails = folder / "mails.tsv"
        self.mails.touch()
        self.environment = {
            "DATA_DIR": str(folder / "data"),
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mail_port}",
            "LMS_ROOT_URL": f"http://127.0.0.1:{self.web_port}",
            "BIND": f"127.0.0.1:{self.web_port}",
            "LOG_LEVEL": "WARNING",
            **environment,
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Starts `python -m command`, in a process group of its own; its output goes to `name`.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def manage(self, *arguments: str) -> str:
        """Runs a management command to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def start_sink(self) -> None:
        self.start("sink", "bench.sink", str(self.mail_port), str(self.mails))
        wait_for("the mail sink", lambda: listens(self.mail_port))

    def start_web(self, workers: int = 2, *more: str) -> subprocess.Popen[bytes]:
        options = ("--config", "config/gunicorn.py", "--workers", str(workers), *more)
        web = self.start("web", "gunicorn", *options, "config.wsgi:application")
        wait_for("the web server", lambda: listens(self.web_port), 60)
        return web

    def start_worker(self, processes: int = 2, name: str = "worker") -> subprocess.Popen[bytes]:
        """Starts a Celery worker with child processes that do the work."""
        options = ("--loglevel", "WARNING", "--concurrency", str(processes), "--hostname", f"{name}@bench")
        return self.start(name, "celery", "--app", "config.celery", "worker", *options)

    def start_beat(self, name: str = "beat") -> subprocess.Popen[bytes]:
        schedule = ("--schedule", str(self.folder / name), "--pidfile=")
        return self.start(name, "celery", "--app", "config.celery", "beat", *schedule)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def mailed(self) -> list[tuple[str, str]]:
        """(recipient, subject) of the mails that arrived, in order."""
        lines = self.mails.read_text(encoding="utf-8").splitlines()
        return [(recipient, subject) for recipient, subject, _ in (line.split("\t") for line in lines)]

    def stop(self, patience: float = 10) -> None:
        """Ends the processes that this object started, with their children; kills those that take longer than that."""
        for process in reversed(self.processes):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        self.processes.clear()


# --- What processes cost --------------------------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used; 0 when it is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has had resident; 0 when it is gone."""
    return _megabytes(pid, "VmHWM")


def resident_megabytes(pid: int) -> float:
    """The memory that a process has resident; 0 when it is gone."""
    return _megabytes(pid, "VmRSS")


def _megabytes(pid: int, name: str) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0


def backends(database_name: str) -> list[int]:
    """The PostgreSQL processes that serve connections to a database of this machine."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                title = (entry / "cmdline").read_bytes()
                if title.startswith(b"postgres:") and f" {database_name} ".encode() in title:
                    found.append(int(entry.name))
    return found


class Meter:
    """CPU of a changing set of processes: call `sample` now and then; processes that end keep what was seen last."""

    def __init__(self, processes: Callable[[], list[int]]) -> None:
        self._processes = processes
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        for pid in processes():
            self._first[pid] = cpu_seconds(pid)

    def sample(self) -> None:
        for pid in self._processes():
            if used := cpu_seconds(pid):
                self._first.setdefault(pid, 0.0)
                self._last[pid] = used

    @property
    def seconds(self) -> float:
        return sum(used - self._first[pid] for pid, used in self._last.items())
