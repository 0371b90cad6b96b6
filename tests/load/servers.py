"""Servers of the tests' own, which may be stopped and broken as no shared one may."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bench import service as real


class Redis:
    """A Redis server that keeps what it was told when it is restarted."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("there is no redis-server here")
        self.folder, self.port = folder, real.free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--appendonly", "yes"]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(["redis-server", *options], stdout=log, stderr=subprocess.STDOUT)
        real.wait_for("Redis", lambda: real.listens(self.port))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def hang(self) -> None:
        """It takes connections, and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class PostgreSQL:
    """A PostgreSQL cluster in a folder that its user may enter; root, whom PostgreSQL refuses, becomes `postgres`."""

    def __init__(self, folder: Path, programs: Path, as_user: list[str]) -> None:
        self.folder, self.programs, self.as_user = folder, programs, as_user
        self.port = real.free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        command = [*self.as_user, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{program}: {done.stdout[-1000:]} {done.stderr[-1000:]}"

    def make(self) -> None:
        self.run("initdb", "--pgdata", "data", "--username", "postgres", "--auth", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "--pgdata", "data", "--log", "log", "--options", options, "--wait", "start")

    def stop(self, mode: str = "fast") -> None:
        """`fast` ends all connections in order, `immediate` is a crash."""
        self.run("pg_ctl", "--pgdata", "data", "--mode", mode, "--wait", "stop")

    def copy(self, url: str) -> str:
        """The URL of a database here that holds what another server's database holds."""
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(b"CREATE DATABASE matricula")
        copied = self.url.removesuffix("postgres") + "matricula"
        dumped = subprocess.run(["pg_dump", "--no-owner", url], capture_output=True, check=True, timeout=120)
        loaded = ["psql", "--quiet", "--set", "ON_ERROR_STOP=1", copied]
        subprocess.run(loaded, input=dumped.stdout, capture_output=True, check=True, timeout=120)
        return copied


@contextmanager
def private_postgresql() -> Iterator[PostgreSQL]:
    """A cluster that runs, for the time of a test."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found or not shutil.which("pg_dump"):
        pytest.skip("there are no programs of a PostgreSQL server here (/usr/lib/postgresql/*/bin)")
    as_user = []
    folder = Path(tempfile.mkdtemp(prefix="matricula-postgresql-"))
    if os.getuid() == 0:
        if not shutil.which("runuser"):
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    cluster = PostgreSQL(folder, found[-1].parent, as_user)
    try:
        cluster.make()
        cluster.start()
        yield cluster
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            cluster.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


class MailServer:
    """A mail server whose mood can be changed while it runs: see `tests.load.moody_mail`."""

    def __init__(self, site: real.Service) -> None:
        self.site, self.mood = site, site.folder / "mood"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, mood: str = "takes") -> None:
        self.be(mood)
        self.process = self.site.start("mail", "tests.load.moody_mail", *self._arguments())
        real.wait_for("the mail server", lambda: real.listens(self.site.mail_port))

    def _arguments(self) -> list[str]:
        return [str(self.site.mail_port), str(self.site.mails), str(self.mood)]

    def be(self, mood: str) -> None:
        part = self.mood.with_suffix(".part")
        part.write_text(mood)
        part.replace(self.mood)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
