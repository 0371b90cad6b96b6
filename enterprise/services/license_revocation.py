"""Ending the enrollments that a license pays for (contract: enterprise-learners, license_revoke and expiration)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import InPairs
from enrollments.models import CourseEnrollment, CourseOverview
from enrollments.queries.certificates import passed
from enrollments.queries.course_modes import AUDIT, runs_with_audit
from enrollments.services import bulk as enrollments
from enterprise.bulk import reasons
from enterprise.models import EnterpriseCustomerUser, LicensedEnterpriseCourseEnrollment
from enterprise.services import fulfillments

ENDED = (reasons.MOVED_TO_AUDIT, reasons.UNENROLLED)
SUCCESSES = (reasons.COMPLETED, *ENDED)


class Licensed(NamedTuple):
    """An enterprise enrollment with the license that pays for it."""

    id: int
    uuid: UUID
    is_revoked: bool
    saved_for_later: bool
    run_key: str
    user_id: int

    @property
    def place(self) -> tuple[int, str]:
        """Learner and run."""
        return self.user_id, self.run_key


class Plain(NamedTuple):
    """A learner's plain enrollment."""

    id: int
    mode: str


class RunResult(NamedTuple):
    """What became of one run: `code` is a reason of `enterprise.bulk.reasons`."""

    code: str
    offers_audit: bool

    @property
    def success(self) -> bool:
        return self.code in SUCCESSES


@transaction.atomic
def revoke_licenses(link: EnterpriseCustomerUser) -> dict[str, RunResult]:
    """Ends all that licenses pay for, for one learner of a customer; what was revoked before is gone through too.

    Returns:
        Run key -> its result; runs that do not exist are not in it.
    """
    enrollments.lock_accounts([link.user_id])
    licensed = read(
        LicensedEnterpriseCourseEnrollment.objects.filter(
            enterprise_course_enrollment__enterprise_customer_user=link
        ).order_by("enterprise_course_enrollment_id")
    )
    results = end(licensed, plain_enrollments(licensed))
    known = {each.run_key: results[each.id] for each in licensed}
    return {run_key: result for run_key, result in known.items() if result.code != reasons.UNKNOWN_COURSE_RUN}


def read(licenses: QuerySet[LicensedEnterpriseCourseEnrollment]) -> list[Licensed]:
    """The licenses that pay for an enterprise enrollment, of unlinked learners too; one statement."""
    rows = licenses.filter(enterprise_course_enrollment__isnull=False).values_list(
        "id",
        "uuid",
        "is_revoked",
        "enterprise_course_enrollment__saved_for_later",
        "enterprise_course_enrollment__course_id",
        "enterprise_course_enrollment__enterprise_customer_user__user_id",
    )
    return [Licensed._make(row) for row in rows]


def plain_enrollments(licensed: Collection[Licensed]) -> dict[tuple[int, str], Plain]:
    """The plain enrollments of these learners in these runs; one statement."""
    places = {each.place for each in licensed}
    if not places:
        return {}
    rows = CourseEnrollment.objects.filter(InPairs("user_id", "course_id", places)).order_by()
    return {
        (user_id, run_key): Plain(enrollment_id, mode)
        for user_id, run_key, enrollment_id, mode in rows.values_list("user_id", "course_id", "id", "mode")
    }


def end(
    licensed: Collection[Licensed], plain: Mapping[tuple[int, str], Plain], reason: str | None = None
) -> dict[int, RunResult]:
    """Ends licensed enrollments: to audit where the run has it, else unenrolled; what is completed stays as it is.

    What fails (no such run, nobody enrolled) leaves its license alone. Runs inside the caller's transaction, which has
    locked the accounts; the number of statements does not depend on how many there are.

    Args:
        plain: as `plain_enrollments` gives them.
        reason: why, for the history of plain enrollments.
    Returns:
        License row id -> its result.
    """
    if not licensed:
        return {}
    run_keys = {each.run_key for each in licensed}
    ends = dict(CourseOverview.objects.filter(pk__in_set=run_keys).values_list("pk", "end"))
    finished = passed({each.place for each in licensed})
    audit = runs_with_audit(run_keys)
    now = timezone.now()
    results = {}
    for each in licensed:
        run_end = ends.get(each.run_key)
        has_finished = each.place in finished or (run_end is not None and run_end < now)
        if each.run_key not in ends:
            code = reasons.UNKNOWN_COURSE_RUN
        elif has_finished and not each.saved_for_later:
            code = reasons.COMPLETED
        elif each.place not in plain:
            code = reasons.NOT_ENROLLED
        else:
            code = reasons.MOVED_TO_AUDIT if each.run_key in audit else reasons.UNENROLLED
        results[each.id] = RunResult(code, each.run_key in audit)
    by: dict[str, Any] = {"user_id": acting_account_id(), "reason": reason}
    if moved := {each.place for each in licensed if results[each.id].code == reasons.MOVED_TO_AUDIT}:
        enrollments.set_mode(moved, AUDIT, **by)
    if left := {each.place for each in licensed if results[each.id].code == reasons.UNENROLLED}:
        enrollments.deactivate(left, **by)
    if ended := [key for key, result in results.items() if result.code in ENDED]:
        fulfillments.revoke_all(LicensedEnterpriseCourseEnrollment.objects.filter(pk__in_set=ended))
    return results


def message(result: RunResult, username: str, customer_uuid: UUID, run_key: str) -> str:
    """What `license_revoke` says about a run."""
    if result.success:
        return reasons.TEXTS[result.code]
    because = reasons.TEXTS[result.code]
    if result.offers_audit:
        return (
            f"Enrollment termination: unable to update LMS enrollment for User {username} and Enterprise "
            f"{customer_uuid} in Course {run_key} to Course Mode audit because: {because}"
        )
    return (
        f"Enrollment termination: unable to unenroll User {username} in Enterprise {customer_uuid} from Course "
        f"{run_key}  because: {because}"
    )
