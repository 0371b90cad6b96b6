"""The work of a license expiration, a chunk at a time (contract: enterprise-learners, bulk license expiration).

Every row is one enterprise enrollment with its license. What was revoked or changed since the row was stored is seen
here, under the locks of the learners' accounts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.utils.dateparse import parse_datetime

from config.db.history import acting_for
from enrollments.queries.enrollment_changes import latest_changes
from enrollments.services import bulk as enrollments
from enterprise.bulk import reasons
from enterprise.bulk.rows import Row, State, settle
from enterprise.models import BulkJob, LicensedEnterpriseCourseEnrollment
from enterprise.services import license_revocation
from enterprise.services.license_revocation import ENDED, SUCCESSES, Licensed, Plain

# These rows need nothing to be done, which is no failure.
SKIPPED = (reasons.ALREADY_REVOKED, reasons.MODIFIED_LATER)
IGNORE_MODIFIED_AFTER = "ignore_enrollments_modified_after"


class LicenseExpirationWork:
    """Carries out the rows of one job; made anew for every slice of work.

    The job's options: `ignore_enrollments_modified_after`, an ISO date-time or null.
    """

    def __init__(self, job: BulkJob) -> None:
        self.job = job
        given = job.options.get(IGNORE_MODIFIED_AFTER)
        self.untouched_from: datetime | None = parse_datetime(given) if given else None

    def work(self, claimed: Sequence[Row]) -> Counter[str]:
        """Ends enrollments inside the caller's transaction, and writes the rows' results; counts the rows by state."""
        enrollments.lock_accounts({row.account_id for row in claimed if row.account_id is not None})
        licenses = LicensedEnterpriseCourseEnrollment.objects.filter(
            uuid__in_set=[row.fulfillment_uuid for row in claimed]
        )
        licensed = {each.uuid: each for each in license_revocation.read(licenses)}
        plain = license_revocation.plain_enrollments(licensed.values())
        later = self._modified_later(plain)
        codes = {uuid: self._skipped(each, plain, later) for uuid, each in licensed.items()}
        at_work = [each for uuid, each in licensed.items() if not codes[uuid]]
        with acting_for(self.job.actor_id):
            results = license_revocation.end(at_work, plain, f"bulk job {self.job.pk}")
        codes |= {each.uuid: results[each.id].code for each in at_work}
        # A fulfillment that was deleted meanwhile has nothing left to be revoked.
        return _write({row.id: codes.get(row.fulfillment_uuid, reasons.ALREADY_REVOKED) for row in claimed})

    def finish(self) -> None:
        """Nothing is left to do after the last row."""

    def _modified_later(self, plain: dict[tuple[int, str], Plain]) -> set[int]:
        """The enrollments that the request does not want to be touched."""
        if self.untouched_from is None:
            return set()
        changes = latest_changes({each.id for each in plain.values()})
        return {enrollment_id for enrollment_id, moment in changes.items() if moment >= self.untouched_from}

    def _skipped(self, each: Licensed, plain: dict[tuple[int, str], Plain], later: set[int]) -> str:
        if each.is_revoked:
            return reasons.ALREADY_REVOKED
        return reasons.MODIFIED_LATER if each.place in plain and plain[each.place].id in later else ""


def _write(codes: dict[int, str]) -> Counter[str]:
    """Stores what became of the rows, one statement per distinct outcome, and counts them by state."""
    by_code: dict[str, list[int]] = defaultdict(list)
    for row_id, code in codes.items():
        by_code[code].append(row_id)
    counted: Counter[str] = Counter()
    for code, ids in by_code.items():
        state = State.SUCCEEDED if code in SUCCESSES + SKIPPED else State.FAILED
        settle(ids, state, created=code in ENDED, reason=code)
        counted[state.value] += len(ids)
    return counted
