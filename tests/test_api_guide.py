"""The commands of the API guide and of the README's tour do what the documents say, against a live service."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
MARK = "@@end of block@@"
ANYTHING = "…"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not (shutil.which("curl") and shutil.which("python3")), reason="the examples use curl and python3"
    ),
]


@pytest.fixture
def demo(live_server: Any, settings: Any) -> str:
    """The address of a service with the demo world."""
    settings.LMS_ROOT_URL = live_server.url
    call_command("load_world", str(ROOT / "demo" / "world.json"), verbosity=0)
    return str(live_server.url)


def blocks_of(document: str) -> list[tuple[str, str, str]]:
    """The commands of a document with the answers shown under them: command, kind of the answer, answer."""
    fenced = re.findall(r"^```(\w+)\n(.*?)^```$", document, re.M | re.S)
    found: list[tuple[str, str, str]] = []
    for kind, text in fenced:
        if kind == "sh":
            found.append((text, "", ""))
        elif kind in ("json", "text") and found:
            found[-1] = (found[-1][0], kind, text)
    return found


def run(blocks: list[tuple[str, str, str]], address: str, folder: Path) -> list[str]:
    """What each block prints, all of them run by one shell, one after the other."""
    script = "".join(f"{command}\nprintf '\\n%s\\n' '{MARK}'\n" for command, _, _ in blocks)
    script = script.replace("http://127.0.0.1:8000", address)
    ran = subprocess.run(["sh"], input=script, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ran.stderr == ""
    printed = ran.stdout.split(MARK)[:-1]
    assert len(printed) == len(blocks)
    return [each.strip() for each in printed]


def differences(shown: Any, real: Any, place: str = "answer") -> list[str]:
    """Where an answer is not as shown; `…` fits anything, and as a member or last item whatever else there is."""
    if shown == ANYTHING:
        return []
    if isinstance(shown, dict) and isinstance(real, dict):
        missing = sorted(set(shown) - set(real) - {ANYTHING})
        more = [] if ANYTHING in shown else sorted(set(real) - set(shown))
        return (
            [f"{place} lacks {missing}"] * bool(missing)
            + [f"{place} has {more} too"] * bool(more)
            + [
                found
                for name in set(shown) & set(real)
                for found in differences(shown[name], real[name], f"{place}.{name}")
            ]
        )
    if isinstance(shown, list) and isinstance(real, list):
        whole = shown[-1:] != [ANYTHING]
        wanted = shown if whole else shown[:-1]
        if len(real) < len(wanted) or (whole and len(real) != len(wanted)):
            return [f"{place} has {len(real)} items: {real}"]
        return [
            found
            for index, (one, other) in enumerate(zip(wanted, real, strict=False))
            for found in differences(one, other, f"{place}[{index}]")
        ]
    return [] if shown == real else [f"{place} is {real!r}, not {shown!r}"]


def test_every_answer_of_the_guide_is_what_the_service_answers(demo: str, tmp_path: Path) -> None:
    blocks = blocks_of((ROOT / "docs" / "api-guide.md").read_text(encoding="utf-8"))
    assert len(blocks) > 15
    wrong = []
    for (command, kind, shown), printed in zip(blocks, run(blocks, demo, tmp_path), strict=True):
        if kind == "json":
            try:
                found = differences(json.loads(shown), json.loads(printed))
            except json.JSONDecodeError:
                found = [f"no JSON: {printed}"]
            wrong += [f"{command.strip().splitlines()[0]}: {each}" for each in found]
        elif kind == "text" and printed != shown.strip():
            wrong.append(f"{command.strip().splitlines()[0]}: {printed}")
    assert not wrong, "\n".join(wrong)


def test_the_tour_of_the_readme_goes_through(demo: str, tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Five minutes", 1)[1].split("\n## ", 1)[0]
    blocks = [(command.replace("20_000", "200"), kind, shown) for command, kind, shown in blocks_of(section)]
    token, enrolled, around, bulk, job, watched = run(blocks, demo, tmp_path)
    assert token == ""
    assert json.loads(enrolled)["user"] == "sam"
    customers, learners, catalog, held = map(json.loads, around.splitlines())
    assert "Brightwater Logistics" in {each["name"] for each in customers["results"]}
    assert (len(learners["results"]), len(catalog["results"])) == (2, 3)
    assert held == {"contains_content_items": True}
    answer = json.loads(bulk)
    assert [each["email"] for each in answer["successes"]] == ["maria.santos@brightwater.example"]
    assert [each["email"] for each in answer["pending"]] == ["new.colleague@brightwater.example"]
    assert json.loads(job)["total"] == 200
    counts, failed, *rows = watched.splitlines()
    assert (json.loads(counts)["state"], json.loads(failed)["count"]) == ("finished", 0)
    assert rows[0].startswith("position,")
    assert len(rows) == 10


def test_the_comparison_sees_what_differs() -> None:
    assert differences({"a": 1, "…": "…"}, {"a": 1, "b": 2}) == []
    assert differences(["x", "…"], ["x", "y"]) == []
    assert differences({"a": 1}, {"a": 1, "b": 2}) == ["answer has ['b'] too"]
    assert differences({"a": [1]}, {"a": [2]}) == ["answer.a[0] is 2, not 1"]
    assert differences({"a": 1}, {}) == ["answer lacks ['a']"]
    assert differences([1], []) == ["answer has 0 items: []"]
