"""Students of programs as a batch of writes needs them: found by key, ignoring case as the database does.

Contract: program-enrollments, Write rules. The number of statements does not depend on the number of keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from enrollments.models import UserSocialAuth
from enrollments.models.identities import SAML
from enterprise.queries.emails import lowered, with_emails
from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.queries.programs import owners_of
from program_enrollments.queries.students import with_keys
from saml_admin.queries.providers import slugs_of_organization


class Student(NamedTuple):
    """A student in a curriculum of a program."""

    id: int
    program_id: UUID
    curriculum_id: UUID
    lowered: str  # the key, as the database makes it lower
    user_id: int | None


class StudentInRun(NamedTuple):
    """A student of a program in the run that a batch is about."""

    id: int
    student_id: int
    status: str
    enrollment_id: int | None


def students(keys: Iterable[str]) -> QuerySet[ProgramEnrollment]:
    """The students with some keys in all programs, the oldest first."""
    return with_keys(ProgramEnrollment.objects.all(), keys).order_by("pk")


def locked(rows: QuerySet[ProgramEnrollment]) -> list[Student]:
    """Some students, whose rows are held until the transaction ends. One statement."""
    return listed(rows.select_for_update(no_key=True))


def listed(rows: QuerySet[ProgramEnrollment]) -> list[Student]:
    """Some students. One statement."""
    columns = ("pk", "program_uuid", "curriculum_uuid", "lowered", "user_id")
    return [Student(*row) for row in rows.values_list(*columns)]


def by_key(found: Iterable[Student]) -> dict[str, list[Student]]:
    """Students by key in lower case, in their order."""
    groups: dict[str, list[Student]] = {}
    for student in found:
        groups.setdefault(student.lowered, []).append(student)
    return groups


def in_run(student_ids: Collection[int], run_id: str) -> dict[int, StudentInRun]:
    """How students are in a run, by the id of the student; who is not in it is left out. One statement."""
    rows = ProgramCourseEnrollment.objects.filter(program_enrollment__in_set=student_ids, course_key=run_id)
    found = rows.order_by().values_list("pk", "program_enrollment_id", "status", "course_enrollment_id")
    return {row[1]: StudentInRun(*row) for row in found}


def curricula_of(user_ids: Collection[int], program_id: UUID) -> set[tuple[Any, UUID]]:
    """Account and curriculum of the students of a program who are among some accounts. One statement, or none."""
    if not user_ids:
        return set()
    rows = ProgramEnrollment.objects.filter(user__in_set=user_ids, program_uuid=program_id)
    return set(rows.order_by().values_list("user_id", "curriculum_uuid"))


def accounts_by_key(program_id: UUID, keys: Collection[str]) -> dict[str, int]:
    """The accounts that sign in through a current, enabled provider of the program's owner, by key in lower case.

    Three statements at most. An identity spelled as the key comes before others, then the oldest.
    """
    owner = owners_of([program_id]).get(program_id)
    slugs = slugs_of_organization(owner) if owner is not None else []
    if not slugs:
        return {}
    named = {f"{slug}:{key}": lowered(key) for slug in slugs for key in keys}
    folded = {lowered(uid): key for uid, key in named.items()}
    rows = with_emails(UserSocialAuth.objects.filter(provider=SAML), "uid", named).order_by("pk")
    identities = sorted(rows.values_list("uid", "lowered", "user_id"), key=lambda identity: identity[0] not in named)
    found: dict[str, int] = {}
    for _, uid, user_id in identities:
        found.setdefault(folded[uid], user_id)
    return found
