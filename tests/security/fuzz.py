"""Thousands of odd requests to every operation of the API: `make fuzz`.

Serves a scene with two customers from a database of its own, and has schemathesis send what the OpenAPI description
allows and what it does not, as a member of staff and as an admin of a customer. No answer may be a server error that
is not meant, and what is described must look as described.

    python -m tests.security.fuzz --examples 30 --seconds 900
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CALLERS = ("staff superuser", "admin")
CHECKS = "no_unmeant_server_error,success_is_as_described"
RATES = (
    "ENROLLMENT_STAFF_RATE", "ENROLLMENT_USER_RATE", "HIGH_SERVICE_USER_RATE", "PASSWORD_RESET_RATE",
    "SERVICE_USER_RATE", "TOKEN_RATE", "USER_RATE",
)  # fmt: skip
SERVER_STARTS_WITHIN_SECONDS = 60


def main() -> None:
    """
    Raises:
        SystemExit: something was found, or fewer requests than asked for were sent.
    """
    parser = argparse.ArgumentParser(description="Send odd requests to every operation of the API.")
    parser.add_argument("--examples", type=int, default=40, help="generated requests for each operation and caller")
    parser.add_argument("--seconds", type=int, default=1200, help="no longer than this for each caller")
    parser.add_argument("--at-least", type=int, default=10_000, help="how many requests must have been sent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        address = f"http://127.0.0.1:{_free_port()}"
        environment = {**os.environ, **_settings(Path(folder), address)}
        scene = _prepared(environment)
        with _served(environment, address, Path(folder) / "server.log") as log:
            verdicts = {caller: _run(caller, scene, address, environment, options) for caller in CALLERS}
        requests = log.read_text(errors="replace").count("request_finished")
    print(f"{requests} requests, {verdicts}")
    if any(verdicts.values()) or requests < options.at_least:
        sys.exit(1)


def _settings(folder: Path, address: str) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'fuzz.sqlite3'}",
        "DATA_DIR": str(folder),
        "LMS_ROOT_URL": address,
        "BIND": address.removeprefix("http://"),
        "REDIS_URL": "",
        "CELERY_BROKER_URL": "",
        **dict.fromkeys(RATES, "1000000/minute"),
        "SCHEMATHESIS_HOOKS": "tests.security.fuzz_hooks",
    }


def _prepared(environment: dict[str, str]) -> dict[str, dict[str, str]]:
    """Makes the database; returns the tokens by caller and the values of places by path ."""
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment, check=True)
    made = subprocess.run(
        [sys.executable, "-m", "tests.security.fuzz_scene"], env=environment, check=True, capture_output=True, text=True
    )
    found: dict[str, dict[str, str]] = json.loads(made.stdout.splitlines()[-1])
    return found


@contextmanager
def _served(environment: dict[str, str], address: str, log: Path) -> Iterator[Path]:
    """The service while it runs, and what it logs."""
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi:application"]
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as server:
        try:
            _wait_for(f"{address}/healthz")
            yield log
        finally:
            server.terminate()


def _wait_for(url: str) -> None:
    for _ in range(SERVER_STARTS_WITHIN_SECONDS * 5):
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"The service did not start: {url}")


def _run(
    caller: str,
    scene: dict[str, dict[str, str]],
    address: str,
    environment: dict[str, str],
    options: argparse.Namespace,
) -> int:
    """Lets schemathesis loose; returns its exit status."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{address}/api-docs/schema/",
        "--header", f"Authorization: JWT {scene['tokens'][caller]}",
        "--checks", CHECKS,
        "--phases", "coverage,fuzzing",
        "--max-examples", str(options.examples),
        "--max-time", str(options.seconds),
        "--generation-database", "none",
        "--continue-on-failure",
        "--warnings", "off",
        "--no-color",
    ]  # fmt: skip
    print(f"--- as {caller}", flush=True)
    return subprocess.run(
        command, env={**environment, "FUZZ_PLACES": json.dumps(scene["places"])}, check=False
    ).returncode


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
