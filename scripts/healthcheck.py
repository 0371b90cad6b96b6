"""Health of one container: `python -m scripts.healthcheck web|worker|beat`.

Exit code 0 is healthy; otherwise the reason is printed.

web: the readiness address answers 200. worker: the Celery worker of this host answers a ping over the broker.
beat: the clock wrote its schedule lately.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

READINESS = "/readyz"
BEAT_SCHEDULE = Path(os.environ.get("BEAT_SCHEDULE") or "/srv/beat/schedule")
BEAT_PATIENCE_SECONDS = 420  # the clock writes its schedule every three minutes, at the next tick


def web() -> str | None:
    """The reason why the web server is not ready, or None. A redirect to https counts as an answer."""
    port = int((os.environ.get("BIND") or "127.0.0.1:8000").rpartition(":")[2])
    host = urlsplit(os.environ.get("LMS_ROOT_URL") or "http://127.0.0.1").netloc  # one of the allowed hosts
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", READINESS, headers={"Host": host})
        status = connection.getresponse().status
    except OSError as error:
        return f"no answer on port {port}: {error}"
    return None if status < 400 else f"readiness is {status}"


def worker() -> str | None:
    """The reason why the worker of this host is not healthy, or None."""
    from config.celery import app

    name = f"celery@{socket.gethostname()}"
    return None if app.control.ping(destination=[name], timeout=5) else f"{name} does not answer"


def beat() -> str | None:
    """The reason why the clock is not healthy, or None. The schedule's file may carry a suffix of its format."""
    written = [path.stat().st_mtime for path in BEAT_SCHEDULE.parent.glob(f"{BEAT_SCHEDULE.name}*")]
    if not written:
        return f"{BEAT_SCHEDULE} was never written"
    silent = time.time() - max(written)
    return None if silent < BEAT_PATIENCE_SECONDS else f"silent for {silent:.0f} s"


ROLES = {"web": web, "worker": worker, "beat": beat}


def main() -> None:
    role = sys.argv[1] if len(sys.argv) > 1 else "web"
    if role not in ROLES:
        sys.exit(f"usage: python -m scripts.healthcheck {'|'.join(ROLES)}")
    sys.exit(ROLES[role]())


if __name__ == "__main__":
    main()
