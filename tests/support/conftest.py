"""What the tests of the world loader share."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

World = dict[str, list[dict[str, Any]]]
Counts = dict[str, tuple[int, int, int]]


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
