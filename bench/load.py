"""Requests repeated over kept-alive connections, and what they cost."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

from bench import service as real

CONNECTIONS = 4
WORKERS = 2


@dataclass(frozen=True)
class Endpoint:
    """A request to repeat.

    Args:
        token: of the caller; empty: `session` is the key of the caller's session, for pages.
        body: gives that of the n-th repetition; None for GET.
        goal: the multiple of the floor that is aimed at; None: none.
        grows: whether ten times the data shows ten times the rows, or no more than the same page.
        is_long: asked for three times as long, as few requests fit.
    """

    name: str
    path: str
    token: str = ""
    body: Callable[[int], bytes] | None = None
    goal: float | None = 2
    grows: bool = True
    is_long: bool = False
    connections: int = CONNECTIONS
    session: str = ""

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"JWT {self.token}"} if self.token else {"Cookie": f"sessionid={self.session}"}


@dataclass(frozen=True)
class Measured:
    """What one endpoint cost."""

    web_ms: float
    database_ms: float
    per_second: float
    p50: float
    p99: float
    size: int

    @property
    def cpu_ms(self) -> float:
        return self.web_ms + self.database_ms


class Load:
    """Asks a service that runs; its database is also asked from here, to count statements."""

    def __init__(self, site: real.Service, seconds: float, token: str) -> None:
        """
        Args:
            token: of whoever asks for the floor beside a page.
        """
        self._site, self._seconds, self._token = site, seconds, token
        self._numbers: dict[str, Iterator[int]] = {}
        # A worker that is replaced takes what it has used along.
        self._web = site.start_web(WORKERS, "--max-requests", "0")
        self._database = urlsplit(site.environment["DATABASE_URL"]).path.lstrip("/")

    def cost(self, endpoint: Endpoint, repeats: int, *, with_floor: bool = True) -> tuple[Measured, Measured]:
        """What an endpoint costs, and the floor of as many bytes asked right after it: the least of some repeats."""
        costs, floors = [], []
        for _ in range(repeats):
            costs.append(self.measure(endpoint))
            if not with_floor:
                continue
            floor = Endpoint("floor", f"/bench/floor?bytes={costs[-1].size}", endpoint.token or self._token)
            floors.append(self.measure(floor))
        least = [min(each, key=lambda cost: cost.cpu_ms) for each in (costs, floors or costs)]
        return least[0], least[1]

    def statements(self, endpoint: Endpoint) -> int:
        """Counted in this process, on the second request: the first one fills what is kept for a while."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext
        from rest_framework.test import APIClient

        client = APIClient(headers={**endpoint.headers, "Host": "127.0.0.1"})
        captured = 0
        for number in (1, 2):
            with CaptureQueriesContext(connection) as queries:
                if endpoint.body:
                    body = endpoint.body(9_000 + number if endpoint.connections > 1 else 75 + number)
                    client.post(endpoint.path, body, content_type="application/json")
                else:
                    client.get(endpoint.path)
            captured = len(queries)
        return captured

    def measure(self, endpoint: Endpoint) -> Measured:
        """Asks for a while after a short warming up."""
        numbers = self._numbers.setdefault(endpoint.name, count())
        requests = Requests(endpoint, self._site.web_port, numbers)
        requests.ask(0.5 if endpoint.connections > 1 else 0)
        web = real.Meter(lambda: real.children(self._web.pid))
        database = real.Meter(lambda: real.backends(self._database))
        seconds = self._seconds * (3 if endpoint.is_long else 1)
        took = requests.ask(seconds)
        web.sample()
        database.sample()
        number = len(took)
        ordered = sorted(took)
        return Measured(
            web_ms=1000 * web.seconds / number,
            database_ms=1000 * database.seconds / number,
            per_second=number / requests.elapsed,
            p50=1000 * statistics.median(ordered),
            p99=1000 * ordered[min(number - 1, int(0.99 * number))],
            size=requests.size,
        )


class Requests:
    """Repeats an endpoint's request over kept-alive connections; every body is sent once."""

    def __init__(self, endpoint: Endpoint, port: int, numbers: Iterator[int]) -> None:
        self.endpoint, self.port, self._numbers = endpoint, port, numbers
        self.size = 0
        self.elapsed = 0.0
        self._lock = threading.Lock()
        self._failure: str | None = None

    def ask(self, seconds: float) -> list[float]:
        """The seconds that each request took.

        Raises:
            RuntimeError: an answer was no success.
        """
        took: list[float] = []
        began = time.monotonic()
        threads = [
            threading.Thread(target=self._connection, args=(began + seconds, took))
            for _ in range(self.endpoint.connections)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.elapsed = time.monotonic() - began
        if self._failure:
            raise RuntimeError(f"{self.endpoint.name}: {self._failure}")
        return took

    def _connection(self, until: float, took: list[float]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {**self.endpoint.headers, "Content-Type": "application/json"}
        while not self._failure and time.monotonic() < until:
            with self._lock:
                number = next(self._numbers)
            body = self.endpoint.body(number) if self.endpoint.body else None
            began = time.monotonic()
            connection.request(self.endpoint.method, self.endpoint.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            took.append(time.monotonic() - began)
            self.size = len(content)
            if answer.status >= 300:
                self._failure = f"{answer.status} {content[:300]!r}"
        connection.close()
