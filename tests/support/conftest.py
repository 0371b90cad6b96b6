"""What the tests of the support desk and of the world loader share."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from enrollments.models import User
from tests.factories import UserFactory
from tests.support.agents import agent

World = dict[str, list[dict[str, Any]]]
Counts = dict[str, tuple[int, int, int]]


@pytest.fixture
def sue(db: None) -> User:
    """An agent."""
    return agent(username="sue", email="sue@desk.example")


@pytest.fixture
def desk(as_user: Callable[[User], APIClient], sue: User) -> APIClient:
    """The agent's client."""
    return as_user(sue)


@pytest.fixture
def mira(db: None) -> User:
    """A learner."""
    account: User = UserFactory(username="mira", email="mira@oak.example")
    return account


@pytest.fixture
def load(db: None, tmp_path: Path) -> Callable[..., Counts]:
    """`load(world)` loads a world, or several as files of their own; gives (created, updated, unchanged) by section."""

    def run(*worlds: World, check: bool = False) -> Counts:
        files = []
        for number, world in enumerate(worlds):
            path = tmp_path / f"world{number}.json"
            path.write_text(json.dumps(world))
            files.append(str(path))
        output = StringIO()
        call_command("load_world", *files, check=check, stdout=output)
        return counts_of(output.getvalue())

    return run


@pytest.fixture
def refused(load: Callable[..., Counts]) -> Callable[..., str]:
    """`refused(world)` gives the message that a world is refused with."""

    def run(*worlds: World) -> str:
        with pytest.raises(CommandError) as error:
            load(*worlds)
        assert error.value.returncode == 1
        text = str(error.value)
        assert text.startswith("Nothing was loaded.\n")
        return text.partition("\n")[2]

    return run


def counts_of(output: str) -> Counts:
    """The counts that the command printed, one line a section."""
    counts = {}
    for line in output.splitlines():
        section, _, words = line.partition(": ")
        if words.endswith("unchanged"):
            created, updated, unchanged = (int(part.split()[0]) for part in words.split(", "))
            counts[section] = (created, updated, unchanged)
    return counts
