"""The work of unlinking many learners, a chunk at a time (contract: enterprise-customers, unlink_users)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from config.db.history import acting_for
from enterprise.bulk import reasons
from enterprise.bulk.rows import Row, State, settle
from enterprise.models import BulkJob
from enterprise.services import links


class UnlinkWork:
    """Carries out the rows of one job; made anew for every slice of work.

    The job's options: `is_relinkable`, whether the learners may be linked again. Who was neither linked nor waiting is
    passed over, which is no failure.
    """

    def __init__(self, job: BulkJob) -> None:
        """
        Raises:
            ValueError: the job has no customer.
        """
        if job.enterprise_customer is None:
            raise ValueError(f"the job {job.pk} has no customer")
        self.job = job
        self.customer = job.enterprise_customer

    def work(self, claimed: Sequence[Row]) -> Counter[str]:
        """Unlinks inside the caller's transaction, and writes the rows' results; counts the rows by state."""
        emails = [row.given_email for row in claimed]
        with acting_for(self.job.actor_id):
            passed_over = set(links.unlink_all(self.customer, emails, bool(self.job.options["is_relinkable"])))
        unlinked = [row.id for row in claimed if row.given_email not in passed_over]
        others = [row.id for row in claimed if row.given_email in passed_over]
        settle(unlinked, State.SUCCEEDED, created=True)
        settle(others, State.SUCCEEDED, reason=reasons.NOBODY_TO_UNLINK)
        return Counter({State.SUCCEEDED.value: len(claimed)})

    def finish(self) -> None:
        """Nothing is left to do after the last row."""
