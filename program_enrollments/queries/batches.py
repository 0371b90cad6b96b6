"""Students of programs as a batch of writes needs them: found by key, ignoring case as the database does.

Contract: program-enrollments, Write rules. The number of statements does not depend on the number of keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from enrollments.models import ProgramOrganization, UserSocialAuth
from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment
from saml_admin.queries.providers import slugs_of_organization
from saml_admin.services.identities import SAML


class Student(NamedTuple):
    """A student in a curriculum of a program."""

    id: int
    program_id: UUID
    curriculum_id: UUID
    key: str
    user_id: int | None


class StudentInRun(NamedTuple):
    """A student of a program in the run that a batch is about."""

    id: int
    student_id: int
    status: str
    enrollment_id: int | None


def students(keys: Collection[str]) -> QuerySet[ProgramEnrollment]:
    """The students with some keys in all programs, the oldest first."""
    # The database makes both sides lower: not all of them agree with Python on letters beyond ASCII.
    folded = [Lower(Value(key)) for key in keys]
    return ProgramEnrollment.objects.alias(folded=Lower("external_user_key")).filter(folded__in=folded).order_by("pk")


def locked(rows: QuerySet[ProgramEnrollment]) -> list[Student]:
    """Some students, whose rows are held until the transaction ends. One statement."""
    return listed(rows.select_for_update(no_key=True))


def listed(rows: QuerySet[ProgramEnrollment]) -> list[Student]:
    """Some students. One statement."""
    columns = ("pk", "program_uuid", "curriculum_uuid", "external_user_key", "user_id")
    return [Student(*row) for row in rows.values_list(*columns)]


def by_key(found: Iterable[Student]) -> dict[str, list[Student]]:
    """Students by key in lower case, in their order."""
    groups: dict[str, list[Student]] = {}
    for student in found:
        groups.setdefault(student.key.lower(), []).append(student)
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


def owner_of(program_id: UUID) -> int | None:
    """The first authoring organisation of a program, which owns its identity providers. One statement."""
    owners = ProgramOrganization.objects.filter(program=program_id).order_by("position", "pk")
    return owners.values_list("organization_id", flat=True).first()


def accounts_by_key(program_id: UUID, keys: Collection[str]) -> dict[str, int]:
    """The accounts that sign in through a current, enabled provider of the program's owner, by key in lower case.

    Three statements at most. An identity spelled as the key comes before others, then the oldest.
    """
    owner = owner_of(program_id)
    slugs = slugs_of_organization(owner) if owner is not None and keys else []
    if not slugs:
        return {}
    folded = {f"{slug}:{key}".lower(): key for slug in slugs for key in keys}
    exact = {f"{slug}:{key}" for slug in slugs for key in keys}
    uids = [Lower(Value(uid)) for uid in exact]
    rows = UserSocialAuth.objects.alias(folded=Lower("uid")).filter(provider=SAML, folded__in=uids).order_by("pk")
    identities = sorted(rows.values_list("uid", "user_id"), key=lambda identity: identity[0] not in exact)
    found: dict[str, int] = {}
    for uid, user_id in identities:
        if key := folded.get(uid.lower()):
            found.setdefault(key.lower(), user_id)
    return found
