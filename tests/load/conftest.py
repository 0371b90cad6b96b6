"""Each fault test has a database, a Redis and a mail server of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import service as real
from tests.load.scene import SCENE, SHORT, Client, Watch
from tests.load.servers import MailServer, Redis


@dataclass(frozen=True)
class Scene:
    """A database with a customer, a run, and accounts for half of the learners; every test gets a copy."""

    url: str
    data: str  # the folder with the keys that signed the token
    token: str
    customer: str


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with real.database("matricula_faults_scene") as url:
        made = real.Service(tmp_path_factory.mktemp("scene"), {**SHORT, "DATABASE_URL": url, "CONN_MAX_AGE": "0"})
        made.manage("migrate", "--verbosity", "0")
        token, customer = made.manage("shell", "--no-imports", "--command", SCENE).split()[-2:]
        yield Scene(url, made.environment["DATA_DIR"], token, customer)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def database_url(scene: Scene) -> Iterator[str]:
    with real.database("matricula_faults", template=scene.url) as url:
        yield url


@pytest.fixture
def site(tmp_path: Path, redis: Redis, scene: Scene, database_url: str) -> Iterator[real.Service]:
    """A service of which nothing runs yet."""
    broker = f"redis://127.0.0.1:{redis.port}"
    addresses = {"DATABASE_URL": database_url, "REDIS_URL": f"{broker}/0", "CELERY_BROKER_URL": f"{broker}/1"}
    made = real.Service(tmp_path, {**addresses, **SHORT, "DATA_DIR": scene.data, "MEDIA_ROOT": str(tmp_path / "media")})
    yield made
    made.stop(patience=0.1)


@pytest.fixture
def mail(site: real.Service) -> MailServer:
    """Its mail server, which runs and takes everything."""
    server = MailServer(site)
    server.start()
    return server


@pytest.fixture
def watch(site: real.Service) -> Watch:
    return Watch(site)


@pytest.fixture
def client_of(site: real.Service, scene: Scene) -> Callable[[], Client]:
    return lambda: Client(site, scene.token, scene.customer)
