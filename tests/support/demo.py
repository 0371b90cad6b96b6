"""The demo world as a scene: loaded once for the tests of a module, and taken back after them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import override_settings

from scripts.demo_traces import leave_traces

FOLDER = Path(__file__).resolve().parents[2] / "demo"


@pytest.fixture(scope="module")
def demo_world(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """The database holds what `make run` shows."""
    cheap = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
    with django_db_blocker.unblock(), transaction.atomic(), cheap:  # type: ignore[attr-defined]
        call_command("load_world", str(FOLDER / "world.json"), verbosity=0)
        leave_traces(FOLDER)
        yield
        transaction.set_rollback(True)
