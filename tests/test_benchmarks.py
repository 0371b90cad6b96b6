"""What `make bench-morning` makes of its figures, and how tables get into the page of benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report
from bench.morning import Job, Memory, job_problems, jobs_table, request_problems, requests_table

SHARES = [step / 20 for step in range(21)]


def watched(*megabytes: float, pid: int = 7, memory: Memory | None = None) -> Memory:
    """A web worker that is looked at in equal pauses, from the beginning to the end."""
    memory = memory or Memory()
    for number, each in enumerate(megabytes):
        memory.note("web worker", pid, number / (len(megabytes) - 1), each)
    return memory


# --- Memory ---------------------------------------------------------------------------------------


def test_memory_that_levels_off_after_the_beginning_is_flat() -> None:
    memory = watched(100, 110, 120, 121, *[122] * 17)
    assert memory.table()[1] == ("web worker 1", "121", "122", "122", "0.8 %")
    assert memory.problems(0.1) == []


def test_memory_that_goes_on_growing_is_named() -> None:
    memory = watched(*(100 + 5 * number for number in range(21)))
    assert memory.problems(0.1) == ["web worker 1 has grown by 73.9 %"]


def test_memory_that_is_given_back_is_no_problem() -> None:
    memory = watched(*[150] * 10, *[120] * 11)
    assert memory.growth("web worker 1") == pytest.approx(-0.2)
    assert memory.problems(0.1) == []


def test_a_worker_that_takes_the_place_of_another_has_a_row_of_its_own() -> None:
    memory = Memory()
    for share in SHARES:
        memory.note("web worker", 7 if share < 0.6 else 8, share, 100 if share < 0.6 else 90)
    assert memory.table()[1:] == [
        ("web worker 1", "100", "100", "-", "0.0 %"),
        ("web worker 2", "-", "-", "90", "-"),
    ]
    assert memory.problems(0) == []
    assert memory.peak("web worker") == 100


def test_workers_of_two_kinds_are_counted_apart() -> None:
    memory = watched(*[100] * 21)
    memory.note("task worker", 9, 1.0, 300)
    assert list(memory.samples) == ["web worker 1", "task worker 1"]
    assert memory.peak("web worker") == 100


# --- Requests and jobs ----------------------------------------------------------------------------


def row_of(name: str, failures: str = "0") -> dict[str, str]:
    latencies = {"50%": "12", "95%": "40", "99%": "95"}
    return {"Name": name, "Request Count": "1234", "Failure Count": failures, **latencies}


def test_the_table_of_requests_begins_with_all_of_them() -> None:
    table = requests_table("40 admins", [row_of("members"), row_of("Aggregated", "3"), row_of("account")])
    assert table[0] == ("40 admins", "requests", "failures", "p50 ms", "p95 ms", "p99 ms")
    assert [row[0] for row in table[1:]] == ["all requests", "account", "members"]
    assert table[1][1:] == ("1,234", "3", "12", "40", "95")


def test_every_failure_is_a_problem() -> None:
    assert request_problems([]) == []
    failure = {"Name": "members", "Error": "503 away", "Occurrences": "2"}
    assert request_problems([failure]) == ["members: 503 away (2 times)"]


def test_jobs_are_shown_with_their_speed_and_judged_by_their_rows() -> None:
    jobs = [Job(10_000, 10_000, 4.0), Job(10_000, 9_990, 5.0), Job(10_000, 500, None)]
    assert jobs_table(jobs)[1:] == [
        ("job 1", "10,000", "10,000", "4.0", "2,500"),
        ("job 2", "10,000", "9,990", "5.0", "2,000"),
        ("job 3", "10,000", "500", "-", "-"),
    ]
    assert job_problems(jobs, 3) == ["job 2: 10 rows were not carried out", "job 3 has not ended"]
    assert job_problems(jobs[:1], 2) == ["1 jobs instead of 2"]
    assert job_problems(jobs[:1], 1) == []


# --- The page of benchmarks -----------------------------------------------------------------------


def test_tables_replace_those_of_their_own_section_and_leave_all_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# All\n\n## Costs: `make a`\n\nWhat.\n\nMeasured long ago.\n\n| old |\n\n## Growth: `make b`\n\nMore.\n"
    )
    report.write(page, "Costs", "a machine", [("", "ms"), ("floor", "2")], [("jobs", "rows"), ("job 1", "5")])
    text = page.read_text()
    assert "old" not in text
    assert "\n\nWhat.\n\nMeasured " in text
    assert (
        " on a machine.\n\n|  | ms |\n|---|---:|\n| floor | 2 |\n\n| jobs | rows |\n|---|---:|\n| job 1 | 5 |\n" in text
    )
    assert text.endswith("\n## Growth: `make b`\n\nMore.\n")
