"""The web processes die, their database restarts, their disk is full: callers get a clear answer, and lose nothing."""

from __future__ import annotations

import io
import os
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from PIL import Image

from bench import service as real
from tests.load.scene import PATIENT, ROWS, Client, Watch, check

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("mail")]
NO_SPACE = {"detail": "The service has no space left to store this. Try again later."}


@pytest.mark.parametrize("part", [0, 0.3], ids=["while its rows are stored", "while they are carried out"])
def test_a_web_process_killed_during_a_bulk_request_costs_nothing(
    site: real.Service, watch: Watch, client_of: Callable[[], Client], part: float
) -> None:
    site.start_worker(2)
    site.start_beat()
    web = site.start_web(1)
    addresses = [f"learner{n}@x.example" for n in range(ROWS)]
    broken: list[Exception] = []

    def ask() -> None:
        try:
            with client_of() as client:
                client.enroll(addresses, "the key")
        except httpx.TransportError as error:
            broken.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    real.wait_for("the job", lambda: watch.count("enterprise_bulkjob"), PATIENT, 0.01)
    real.wait_for("the job to get on", lambda: watch.done() >= ROWS * part, PATIENT, 0.01)
    os.kill(real.children(web.pid)[0], signal.SIGKILL)
    asking.join(PATIENT)
    assert len(broken) == 1, "the request was over before the process could be killed"

    statuses: Counter[int] = Counter()
    with client_of() as client:
        deadline = time.monotonic() + PATIENT
        while not statuses.keys() & {201, 202}:
            assert time.monotonic() < deadline, statuses
            with suppress(httpx.TransportError):  # while the next process is made
                answer = client.enroll(addresses, "the key")
                statuses[answer.status_code] += 1
            time.sleep(0.3)
    assert statuses.keys() <= {201, 202, 409}
    assert len(answer.json()["pending"]) == ROWS - ROWS // 2
    watch.settle_mail()
    # A request that died while it stored its rows leaves a job without results; its key was free again.
    watch.all("DELETE FROM enterprise_bulkjobrow WHERE state = 'cancelled'")
    watch.all("DELETE FROM enterprise_bulkjob WHERE state = 'cancelled'")
    check(site, watch, in_doubt=0)


def test_a_full_disk_refuses_uploads_and_leaves_nothing_half_written(
    site: real.Service, client_of: Callable[[], Client], tmp_path: Path
) -> None:
    site.environment["TMPDIR"] = str(tmp_path / "spool")
    (tmp_path / "spool").mkdir()
    web = site.start_web(1)
    media = tmp_path / "media"

    def limit(size: int) -> None:
        """As good as a full disk: no file of the web process may grow beyond this."""
        for pid in real.children(web.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def ask(request: Callable[[Client], httpx.Response]) -> httpx.Response:
        # Each over a connection of its own: the server closes one on which it leaves most of a body unread.
        with client_of() as client:
            return request(client)

    assert ask(_upload).status_code == 204
    before = [path for path in media.rglob("*") if path.is_file()]
    limit(32_768)
    refused = [ask(_upload), ask(_roster)]
    after = [path for path in media.rglob("*") if path.is_file()]
    shown = ask(lambda client: client.get(BRANDINGS)).json()["results"][0]["logo"]
    limit(resource.RLIM_INFINITY)
    recovered = [ask(_upload), ask(_roster)]

    assert [(answer.status_code, answer.json(), answer.headers["Retry-After"]) for answer in refused] == [
        (503, NO_SPACE, "5")
    ] * 2
    assert before == after
    assert len(after) == 1
    assert shown.endswith(after[0].name)
    assert [answer.status_code for answer in recovered] == [204, 400]
    real.wait_for("the spooled files to go", lambda: not list((tmp_path / "spool").iterdir()), 10)


BRANDINGS = "/enterprise/api/v1/enterprise-customer-branding/"


def _upload(client: Client) -> httpx.Response:
    """A logo that does not fit into 32 kB."""
    picture = io.BytesIO()
    Image.frombytes("RGB", (120, 120), os.urandom(120 * 120 * 3)).save(picture, "PNG")
    return client.patch(
        f"{BRANDINGS}update-branding/{client.customer}/", files={"logo": ("logo.png", picture.getvalue(), "image/png")}
    )


def _roster(client: Client) -> httpx.Response:
    """A roster so large that it is kept on the disk while it is read; it has no column that a roster needs."""
    path = f"/enterprise/api/v1/enterprise-customer/{client.customer}/enroll_learners_in_courses/"
    return client.post(path, files={"file": ("roster.csv", b"nonsense\n" * 400_000, "text/csv")})
