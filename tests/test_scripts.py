"""What starts and watches the service: the gunicorn settings, the preparation of `make run`, the containers' health."""

from __future__ import annotations

import json
import os
import runpy
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts import healthcheck, prepare

ROOT = Path(__file__).resolve().parent.parent
WORLD = {
    "users": [
        {"username": "ada", "password": "secret-1", "is_superuser": True},
        {"username": "helen", "password": "secret-2"},
        {"username": "sam", "password": "secret-3"},
        {"username": "silent"},
    ],
    "customers": [{"uuid": "00000b41-0000-4000-8000-000000000001", "name": "Brightwater"}],
    "role_assignments": [
        {"user": "helen", "role": "enterprise_admin", "customer": "00000b41-0000-4000-8000-000000000001"}
    ],
    "learners": [{"user": "sam", "customer": "00000b41-0000-4000-8000-000000000001"}],
    "oauth_clients": [{"client_id": "client-1", "client_secret": "secret-4", "grant_type": "password"}],
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """`server(**environment)` gives the gunicorn settings that this environment makes."""

    def make(**environment: str) -> dict[str, Any]:
        for name in ["BIND", "PORT", "WEB_CONCURRENCY", "WEB_THREADS", "REDIS_URL", "CELERY_BROKER_URL", "LOG_FORMAT"]:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "config" / "gunicorn.py"))

    return make


# --- The web server -------------------------------------------------------------------------------


def test_without_services_one_process_serves_on_the_loopback_address(server: Callable[..., dict[str, Any]]) -> None:
    made = server(PORT="8123")
    assert (made["bind"], made["workers"], made["max_requests"]) == ("127.0.0.1:8123", 1, 0)
    assert made["threads"] > 1


@pytest.mark.parametrize("missing", ["REDIS_URL", "CELERY_BROKER_URL"])
def test_with_one_service_missing_it_stays_one_process(server: Callable[..., dict[str, Any]], missing: str) -> None:
    services = {"REDIS_URL": "redis://cache/0", "CELERY_BROKER_URL": "redis://queue/0"}
    assert server(**services)["workers"] > 1
    services.pop(missing)
    assert server(**services, **{missing: ""})["workers"] == 1


def test_the_environment_decides_how_many_processes_and_threads(server: Callable[..., dict[str, Any]]) -> None:
    made = server(WEB_CONCURRENCY="5", WEB_THREADS="3", BIND="0.0.0.0:80")
    assert (made["workers"], made["threads"], made["bind"]) == (5, 3, "0.0.0.0:80")


def test_the_servers_own_lines_are_json_when_all_others_are(server: Callable[..., dict[str, Any]]) -> None:
    assert "logconfig_dict" not in server()
    loggers = server(LOG_FORMAT="json")["logconfig_dict"]["loggers"]
    assert loggers["gunicorn.error"] == {"level": "INFO", "handlers": [], "propagate": True}
    assert loggers["gunicorn.access"]["level"] == "CRITICAL"


# --- make run -------------------------------------------------------------------------------------


def test_the_greeting_names_every_login_and_client_of_the_world() -> None:
    text = prepare.greeting(WORLD, "http://127.0.0.1:8123")
    lines = [line.split(None, 2) for line in text.splitlines()]
    assert ["ada", "secret-1", "superuser"] in lines
    assert ["helen", "secret-2", "admin (Brightwater)"] in lines
    assert ["sam", "secret-3", "learner (Brightwater)"] in lines
    assert ["client-1", "secret-4", "password"] in lines
    assert "silent" not in text
    assert "http://127.0.0.1:8123/api-docs/" in text
    assert "http://127.0.0.1:8123/admin/" in text


def test_a_service_without_a_demo_world_is_greeted_without_logins() -> None:
    assert "Logins" not in prepare.greeting(None, "http://127.0.0.1:8123")


def test_the_demo_world_is_loaded_once_per_database_and_state_of_its_files(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(prepare, "call_command", lambda command, path, verbosity: loaded.append(path))
    settings.DATA_DIR = tmp_path / "var"
    settings.DATA_DIR.mkdir()
    world = tmp_path / "demo" / "world.json"
    world.parent.mkdir()
    world.write_text(json.dumps(WORLD))
    prepare.load(world, fresh=True)
    prepare.load(world, fresh=False)
    assert loaded == [str(world)]
    prepare.load(world, fresh=True)  # the database was deleted, the stamp was not
    assert len(loaded) == 2
    (world.parent / "logo.png").write_bytes(b"a picture beside it")
    prepare.load(world, fresh=False)
    prepare.load(world, fresh=False)
    assert len(loaded) == 3


def test_a_load_that_fails_is_tried_again_at_the_next_start(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise SystemExit(1)

    settings.DATA_DIR = tmp_path
    world = tmp_path / "demo" / "world.json"
    world.parent.mkdir()
    world.write_text("{}")
    monkeypatch.setattr(prepare, "call_command", refuse)
    for _ in range(2):
        with pytest.raises(SystemExit):
            prepare.load(world, fresh=False)


def test_a_database_of_the_environment_gets_no_demo_world_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_WORLD", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert prepare.world_to_load() == ROOT / "demo" / "world.json"
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    assert prepare.world_to_load() is None
    monkeypatch.setenv("DEMO_WORLD", "mine.json")
    assert prepare.world_to_load() == Path("mine.json")


def test_a_taken_port_is_named_before_anything_is_done() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match=rf"Port {port} is taken.*make run PORT="):
            prepare.refuse_taken_port(port)
    prepare.refuse_taken_port(port)


# --- Health of containers -------------------------------------------------------------------------


@pytest.fixture
def readiness(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A web server whose readiness answers `state["status"]`, and which notes the host it was asked for."""
    state: dict[str, Any] = {"status": 200}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state["path"], state["host"] = self.path, self.headers["Host"]
            self.send_response(state["status"])
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Stay silent."""

    web = HTTPServer(("127.0.0.1", 0), Handler)
    monkeypatch.setenv("BIND", f"0.0.0.0:{web.server_port}")
    monkeypatch.setenv("LMS_ROOT_URL", "https://matricula.example")
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield state
    web.shutdown()
    thread.join()
    web.server_close()


def test_a_web_container_is_as_healthy_as_its_readiness(readiness: dict[str, Any]) -> None:
    assert healthcheck.web() is None
    assert (readiness["path"], readiness["host"]) == ("/readyz", "matricula.example")
    readiness["status"] = 503
    assert healthcheck.web() == "readiness is 503"


def test_a_web_container_that_does_not_answer_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIND", "0.0.0.0:1")
    assert "no answer on port 1" in (healthcheck.web() or "")


def test_a_clock_that_stopped_writing_is_unhealthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healthcheck, "BEAT_SCHEDULE", tmp_path / "schedule")
    assert "was never written" in (healthcheck.beat() or "")
    written = tmp_path / "schedule.db"
    written.touch()
    assert healthcheck.beat() is None
    long_ago = time.time() - 1000
    os.utime(written, (long_ago, long_ago))
    assert "silent for" in (healthcheck.beat() or "")
