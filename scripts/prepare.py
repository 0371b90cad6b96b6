"""Makes the service ready to serve: brings the database up to date, loads the demo world, says how to sign in.

Called by `make run` at every start. The demo world is loaded when the database is new or the files of its folder have
changed; a database that the environment names (DATABASE_URL) gets it only when DEMO_WORLD names a world file too.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.urls import is_valid_path

from scripts.demo_traces import leave_traces
from support.staff_groups import SHIPPED


def refuse_taken_port(port: int) -> None:
    """Stops with a clear message when something else listens on the port of the service.

    Raises:
        SystemExit: the port is taken.
    """
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            sys.exit(f"Port {port} is taken by another program. Choose one: make run PORT={port + 1}")


def world_to_load() -> Path | None:
    """The world file for this database, or None."""
    default = "" if os.environ.get("DATABASE_URL") else str(settings.BASE_DIR / "demo" / "world.json")
    named = os.environ.get("DEMO_WORLD", default)
    return Path(named) if named else None


def fingerprint(world: Path) -> str:
    """A text that changes with the world file, the pictures beside it, and the database it goes to."""
    digest = hashlib.sha256(str(settings.DATABASES["default"]["NAME"]).encode())
    for path in sorted(world.parent.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(world.parent).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def load(world: Path, *, fresh: bool) -> None:
    """Loads the world file unless this database has it already.

    Args:
        world: the file.
        fresh: the database was empty a moment ago, whatever the stamp of an earlier one says.
    """
    stamp = settings.DATA_DIR / "demo-world.loaded"
    wanted = fingerprint(world)
    if not fresh and stamp.exists() and stamp.read_text() == wanted:
        return
    print("Loading the demo world", flush=True)
    stamp.unlink(missing_ok=True)
    logging.disable(logging.INFO)  # what is loaded is told of by its greeting, not by a line for each enrollment
    try:
        call_command("load_world", str(world), verbosity=0)
        leave_traces(world.parent)
    finally:
        logging.disable(logging.NOTSET)
    stamp.write_text(wanted)


def greeting(world: dict[str, list[dict[str, Any]]] | None, root: str) -> str:
    """What a person needs for the first minutes: addresses, and the demo's logins.

    Args:
        world: the loaded world, or None.
        root: the service's address, without a slash at the end.
    """
    pages = {"API documents": "/api-docs/", "admin": "/admin/", "support pages": "/support/"}
    lines = ["", f"Matricula serves on {root}"]
    lines += [f"  {name:<15} {root}{path}" for name, path in pages.items() if is_valid_path(path)]
    if world:
        lines += ["", "Logins of the demo (username, password):"]
        lines += [
            f"  {user['username']:<18} {user['password']:<20} {describe(user['username'], world)}"
            for user in world.get("users", [])
            if user.get("password")
        ]
        lines += ["", "OAuth clients of the demo (client_id, client_secret, grant):"]
        lines += [
            f"  {client['client_id']:<18} {client['client_secret']:<20} {client.get('grant_type', '')}"
            for client in world.get("oauth_clients", [])
        ]
    return "\n".join([*lines, "", "Stop with Ctrl-C.", ""])


def describe(username: str, world: dict[str, list[dict[str, Any]]]) -> str:
    """What an account of the world may do, in a few words."""
    user = next(row for row in world["users"] if row["username"] == username)
    customers = {customer["uuid"]: customer["name"] for customer in world.get("customers", [])}
    words = ["superuser"] if user.get("is_superuser") else ["staff"] if user.get("is_staff") else []
    words += [group for group in user.get("groups", ()) if group in SHIPPED]
    for row in rows_of(username, "role_assignments", world):
        role = row["role"].removeprefix("enterprise_").replace("_", " ")
        words.append(f"{role} ({customers.get(row['customer'], 'all customers')})")
    words += sorted({row["role"] for row in rows_of(username, "course_roles", world)})
    links = [customers.get(row["customer"], row["customer"]) for row in rows_of(username, "learners", world)]
    if not words:
        words = [f"learner ({', '.join(links)})" if links else "learner"]
    return ", ".join(words)


def rows_of(username: str, section: str, world: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of a section that belong to an account."""
    return [row for row in world.get(section, []) if row["user"] == username]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    refuse_taken_port(int(os.environ.get("PORT") or 8000))
    fresh = not MigrationRecorder(connection).applied_migrations()
    if fresh:
        print("Making the database", flush=True)
    call_command("migrate", interactive=False, verbosity=0)
    world = world_to_load()
    if world:
        load(world, fresh=fresh)
    print(greeting(json.loads(world.read_text()) if world else None, settings.LMS_ROOT_URL), flush=True)


if __name__ == "__main__":
    main()
