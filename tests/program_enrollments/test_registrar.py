"""The Registrar's way of reading and writing, through the published Python client (contract: clients 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from edx_django_utils.cache import TieredCache
from edx_rest_api_client.client import OAuthAPIClient

from tests.factories import (
    CourseGradeFactory,
    CourseRunFactory,
    OAuthApplicationFactory,
    ProgramCourseEnrollmentFactory,
    ProgramEnrollmentFactory,
    UserFactory,
)
from tests.program_enrollments.scenes import API, program_of, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def registrar(live_server: Any) -> Any:
    TieredCache.dangerous_clear_all_tiers()
    OAuthApplicationFactory(client_id="registrar", authorization_grant_type="client-credentials", user=staff())
    yield OAuthAPIClient(live_server.url, "registrar", "secret")
    TieredCache.dangerous_clear_all_tiers()


def is_whole(row: dict[str, Any]) -> bool:
    """Whether the Registrar accepts a row: an error, or all of a grade of at most three decimals."""
    keys = set(row) - {"student_key"}
    if not isinstance(row["student_key"], str) or keys == {"error"}:
        return isinstance(row["student_key"], str) and isinstance(row["error"], str)
    exponent = Decimal(str(row["percent"])).as_tuple().exponent
    return (
        keys == {"letter_grade", "percent", "passed"}
        and isinstance(exponent, int)
        and exponent >= -3
        and 0 <= row["percent"] <= 1
        and isinstance(row["passed"], bool)
        and (row["letter_grade"] is None or isinstance(row["letter_grade"], str))
    )


@pytest.mark.parametrize("key", ["{}", "{}?page_size=7"])
def test_grades_are_read_page_by_page_with_the_key_as_it_is_until_there_is_no_next(registrar, live_server, key) -> None:
    run = CourseRunFactory(id="course-v1:Acme+Stats+R1")
    program = program_of(run)
    stored: list[dict[str, Any] | None] = [
        {"percent": 2 / 3, "letter_grade": "C"},
        {"percent": 1.0, "letter_grade": "A"},
        {"percent": 0.1234, "letter_grade": ""},
        {"error": "away"},
        None,
    ]
    for number in range(25):
        account = UserFactory()
        enrollment = ProgramEnrollmentFactory(program_uuid=program.pk, user=account, external_user_key=f"S-{number}")
        ProgramCourseEnrollmentFactory(program_enrollment=enrollment, course_key=run.pk)
        if grade := stored[number % len(stored)]:
            CourseGradeFactory(user=account, course_id=run.pk, **grade)
    rows: list[dict[str, Any]] = []
    address = key.format(f"{live_server.url}{API}/programs/{program.pk}/courses/{run.pk}/grades/")
    while address:
        answer = registrar.get(address)
        assert answer.status_code in {200, 207, 422}
        rows += answer.json()["results"]
        address = answer.json()["next"]
    assert [row["student_key"] for row in rows] == [f"S-{number}" for number in range(25)]
    assert all(is_whole(row) for row in rows)


def test_nobody_to_grade_is_a_204_on_a_connection_that_goes_on(registrar, live_server) -> None:
    run = CourseRunFactory()
    program = program_of(run)
    address = f"{live_server.url}{API}/programs/{program.pk}/courses/{run.pk}/grades/"
    assert [registrar.get(address).status_code for _ in range(3)] == [204, 204, 204]
    address = f"{live_server.url}{API}/programs/{program.pk}/enrollments/"
    assert [registrar.put(address, json=[]).status_code for _ in range(3)] == [204, 204, 204]


def in_batches(registrar: Any, address: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    """What the Registrar makes of the answers to PUTs of 25 rows: keys without an answer are `internal-error`."""
    words: dict[str, str] = {}
    for start in range(0, len(rows), 25):
        batch = rows[start : start + 25]
        answer = registrar.put(address, json=batch)
        body = answer.json() if answer.status_code in {200, 201, 207, 422} else {}
        words |= {row["student_key"]: body.get(row["student_key"], "internal-error") for row in batch}
    return words


@pytest.mark.parametrize("escaped", [False, True])
def test_a_csv_upload_enrolls_in_batches_and_can_be_read_back(registrar, live_server, escaped) -> None:
    run = CourseRunFactory(id="course-v1:Acme+Stats+R1")
    program = program_of(run)
    curriculum = program.curricula.get().pk
    keys = [f"S-{number}" for number in range(60)]
    address = f"{live_server.url}{API}/programs/{program.pk}/"
    students = [{"student_key": key, "status": "enrolled", "curriculum_uuid": str(curriculum)} for key in keys]
    assert in_batches(registrar, f"{address}enrollments/", students) == dict.fromkeys(keys, "enrolled")
    within = f"{address}courses/{run.pk.replace('+', '%2B') if escaped else run.pk}/enrollments/"
    in_run = [{"student_key": key, "status": "active", "course_staff": "False"} for key in keys]
    in_run[7]["course_staff"] = "true"
    for _ in range(2):
        assert in_batches(registrar, within, in_run) == dict.fromkeys(keys, "active")
    in_run[30]["course_staff"] = ""  # an empty cell
    words = in_batches(registrar, within, in_run)
    assert [key for key, word in words.items() if word == "internal-error"] == keys[25:50]

    for path in (f"{address}enrollments/?page_size=25", f"{within}?page_size=25"):
        rows: list[dict[str, Any]] = []
        while path:
            answer = registrar.get(path)
            assert answer.status_code == 200
            rows += answer.json()["results"]
            path = answer.json()["next"]
        assert [row["student_key"] for row in rows] == keys
        assert all(row["status"] in {"enrolled", "active"} and row["account_exists"] is False for row in rows)
    assert [row["student_key"] for row in rows if row["course_staff"]] == ["S-7"]
