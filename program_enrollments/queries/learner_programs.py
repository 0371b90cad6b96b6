"""The programs of a caller (contract: program-enrollments, programs/enrollments/)."""

from __future__ import annotations

from typing import Any

from program_enrollments.models import ProgramEnrollment
from program_enrollments.queries.programs import ListedProgram, programs_among, programs_of_type, staffed_programs

ACTIVE = ("enrolled", "pending")

all_programs = programs_of_type


def own_programs(account: Any, kind: str) -> list[ListedProgram]:
    """Those of a type with a run of whose staff the account is, then those of any type that it is enrolled in.

    At most three statements, and one more for each level of parent programs.
    """
    enrollments = ProgramEnrollment.objects.filter(user=account.pk, status__in=ACTIVE)
    enrolled = set(enrollments.order_by().values_list("program_uuid", flat=True))
    return programs_among(staffed_programs(account.pk), enrolled, kind)
