"""PostgreSQL is restarted under load: callers hear that the service is away, and everything goes on by itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
import pytest

from bench import service as real
from tests.load.conftest import Scene
from tests.load.scene import JOB, PATIENT, ROWS, Client, Watch, check
from tests.load.servers import PostgreSQL, private_postgresql

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("mail")]
UNAVAILABLE = "The service is not available at the moment. Try again soon."
AWAY = 1.5  # seconds


@pytest.fixture
def cluster() -> Iterator[PostgreSQL]:
    with private_postgresql() as made:
        yield made


@pytest.fixture
def database_url(cluster: PostgreSQL, scene: Scene) -> str:
    return cluster.copy(scene.url)


class Caller(threading.Thread):
    """Enrolls one person after the other, and repeats a request with its key until it is answered with success."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self.client, self.leaving = client, threading.Event()
        self.enrolled: list[str] = []
        self.answers: list[httpx.Response] = []

    def run(self) -> None:
        while not self.leaving.is_set():
            address = f"{uuid4().hex}@load.example"
            while True:
                answer = self.client.enroll([address], address, notify=False)
                self.answers.append(answer)
                if answer.is_success:
                    break
                time.sleep(0.1)
            self.enrolled.append(address)
            self.answers.append(
                self.client.get(f"/enterprise/api/v1/enterprise-customer/{self.client.customer}/bulk-jobs/")
            )

    def leave(self) -> None:
        self.leaving.set()
        self.join(PATIENT)
        assert not self.is_alive(), f"the last request had no success: {self.answers[-1].text[:500]}"
        self.client.close()


def test_a_postgresql_that_is_restarted_under_load_costs_nothing(
    site: real.Service, watch: Watch, cluster: PostgreSQL, client_of: Callable[[], Client]
) -> None:
    site.start_worker(2)
    site.start_beat()
    site.start_web(2)
    callers = [Caller(client_of()) for _ in range(3)]
    with client_of() as client:
        assert client.get("/readyz").status_code == 200
        site.manage("shell", "--no-imports", "--command", JOB)
        for caller in callers:
            caller.start()
        for mode, part in (("fast", 0.1), ("immediate", 0.4)):
            real.wait_for("the job to get on", lambda part=part: watch.done() >= ROWS * part, PATIENT)  # type: ignore[misc]
            cluster.stop(mode)
            assert client.get("/readyz").status_code == 503
            page = client.get("/support/", headers={"Accept": "text/html"})
            time.sleep(AWAY)
            cluster.start()
            real.wait_for("readiness", lambda: client.get("/readyz").status_code == 200, PATIENT, 0.1)
            assert page.status_code in {200, 302, 503}
    real.wait_for(
        "the job to end",
        lambda: watch.count(f"enterprise_bulkjob WHERE total = {ROWS} AND state = 'finished'"),
        PATIENT,
        0.2,
    )
    for caller in callers:
        caller.leave()
    real.wait_for("all jobs to end", watch.has_ended, PATIENT, 0.2)
    watch.settle_mail()

    answers = [answer for caller in callers for answer in caller.answers]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() <= {200, 202, 409, 503}, statuses
    assert statuses[503] >= 2, statuses
    for answer in answers:
        if answer.status_code == 503:
            assert (answer.json(), answer.headers["Retry-After"]) == ({"detail": UNAVAILABLE}, "5")
    enrolled = [address for caller in callers for address in caller.enrolled]
    # A request that could not store its rows left a job that the sweep has cancelled, and was repeated.
    assert watch.count("enterprise_bulkjob WHERE state = 'finished'") == 1 + len(enrolled)
    check(site, watch, in_doubt=4, beside=len(enrolled))
