"""What tests of the area set up, and whom they let call."""

from __future__ import annotations

from typing import Any

from enrollments.models import CourseOverview, Program, ProgramOrganization, User
from tests.factories import CourseRunFactory, CurriculumFactory, OrganizationFactory, ProgramFactory, UserFactory

API = "/api/program_enrollments/v1"
ANONYMOUS = {"developer_message": "Authentication credentials were not provided."}
FORBIDDEN = {"developer_message": "You do not have permission to perform this action."}
NO_PROGRAM = {"developer_message": "no program exists with given key", "error_code": "program_does_not_exist"}
UNKNOWN_UUID = "0f0f0f0f-0000-4000-8000-000000000000"


def program_of(*runs: CourseOverview, organizations: tuple[str, ...] = ("Acme",), **fields: Any) -> Program:
    """A program of masters whose one curriculum holds the runs; the first organisation is the owner."""
    program: Program = ProgramFactory(**{"type": "Masters", **fields})
    CurriculumFactory(program=program, course_runs=runs)
    for position, short_name in enumerate(organizations):
        organization = OrganizationFactory(short_name=short_name)
        ProgramOrganization.objects.create(program=program, organization=organization, position=position)
    return program


def runs(number: int, **fields: Any) -> list[CourseOverview]:
    """Some runs of different courses."""
    return [CourseRunFactory(**fields) for _ in range(number)]


def staff() -> User:
    """An account that may do everything here."""
    account: User = UserFactory(staff=True)
    return account


def enrollments_path(program: Program, run: CourseOverview | str | None = None) -> str:
    """The address of a program's students, or of those in one of its runs."""
    within = f"courses/{run}/" if run else ""
    return f"{API}/programs/{program.pk}/{within}enrollments/"


def send(client: Any, method: str, path: str, body: Any) -> Any:
    """The answer to a batch."""
    return getattr(client, method)(path, body, format="json")
