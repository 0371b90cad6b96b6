"""The work of a claim: enrolling a learner in what an address was to be enrolled in while it had no account.

The rows of a job are those of one learner. What is refused fails its row alone.
Contract: enterprise-learners, Account saved, step 2, by the rules of single enrollment.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from enrollments.models import CourseEnrollment, User
from enrollments.services import bulk as enrollments
from enrollments.services import cohorts, tracking
from enterprise.bulk import modes, reasons
from enterprise.bulk.learners import Links
from enterprise.bulk.rows import Results, Row
from enterprise.bulk.subsidies import Subsidies
from enterprise.models import BulkJob, BulkJobRow, EnterpriseEnrollmentSource


class PendingClaimWork:
    """Carries out the rows of one claim; made anew for every slice of work.

    The job's options: `cohorts` and `sources`, from a row's position to the cohort it asks for and its source.
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
        self.cohorts: Mapping[str, str] = job.options.get("cohorts", {})
        self.sources: Mapping[str, int | None] = job.options.get("sources", {})
        self.by: dict[str, Any] = {"user_id": job.actor_id, "reason": f"bulk job {job.pk}"}

    def work(self, claimed: Sequence[Row]) -> Counter[str]:
        """Enrolls inside the caller's transaction, and writes the rows' results; counts the rows by state."""
        results, moment = Results(), timezone.now()
        rows: QuerySet[Any] = BulkJobRow.objects.order_by()
        accounts = enrollments.lock_accounts({row.account_id for row in claimed if row.account_id is not None})
        ensure = enrollments.Ensure(accounts, moment)
        here = [row for row in claimed if row.account_id in accounts]
        self._prepare(ensure, here)
        current = self._current(here)
        known = self._subsidies(here)
        enrolled: list[Row] = []
        already: list[Row] = []
        for row in claimed:
            if row.account_id not in accounts or row.account_id is None:
                results.failed(row, reasons.UNKNOWN_USER_ID)
            elif known.conflicts(row.account_id, row):
                results.failed(row, reasons.SUBSIDY_CONFLICT)
            elif refusal := self._refusal(row, current.get(row.course_run_key)):
                results.failed(row, refusal)
            elif modes.stays(row.course_mode, current.get(row.course_run_key)):
                already.append(row)
            else:
                outcome = ensure.decide(row.id, row.account_id, row.course_run_key, row.course_mode, False)
                if outcome.reason:
                    results.failed(row, outcome.reason)
                else:
                    enrolled.append(row)
        known.activated(ensure.write(rows, origin="enterprise", **self.by))
        known.write(rows, moment, self.by, None)
        fulfillments = self._stand_behind(rows, enrolled, already, moment)
        for row in enrolled:
            results.succeeded(row, created=True, fulfillment_uuid=fulfillments.get(row.id))
        for row in already:
            results.succeeded(row, created=False, fulfillment_uuid=fulfillments.get(row.id))
        self._join_cohorts(enrolled)
        tracking.emit(self._line(row) for row in enrolled)
        results.write()
        return results.counts()

    def finish(self) -> None:
        """Nothing is left to do after the last row."""

    def _prepare(self, ensure: enrollments.Ensure, rows: Sequence[Row]) -> None:
        ensure.lock_runs({row.course_run_key for row in rows})
        ensure.read([(row.account_id, row.course_run_key, False) for row in rows if row.account_id is not None])

    def _current(self, rows: Sequence[Row]) -> dict[str, str]:
        """Run key -> mode of the learner's active enrollment there."""
        active = CourseEnrollment.objects.filter(
            user__id__in_set={row.account_id for row in rows},
            course_id__in_set={row.course_run_key for row in rows},
            is_active=True,
        )
        return dict(active.values_list("course_id", "mode"))

    def _refusal(self, row: Row, mode: str | None) -> str:
        if modes.is_downgrade(row.course_mode, mode):
            return reasons.DOWNGRADE
        asks_for_cohort = str(row.position) in self.cohorts and not modes.stays(row.course_mode, mode)
        return reasons.NO_COHORTING if asks_for_cohort and not self.customer.enable_autocohorting else ""

    def _stand_behind(
        self,
        rows: QuerySet[Any],
        enrolled: Sequence[Row],
        already: Sequence[Row],
        moment: datetime,
    ) -> dict[int, UUID | None]:
        """Makes the enterprise enrollments and fulfillments: of the row's own source where it enrolled the learner.

        Who was in the run before gets an enterprise enrollment only together with what pays for it.

        Returns:
            Row id -> uuid of its fulfillment.
        """
        fulfillments: dict[int, UUID | None] = {}
        by_source: dict[int | None, list[tuple[Row, bool]]] = defaultdict(list)
        for row in enrolled:
            by_source[self.sources.get(str(row.position))].append((row, True))
        if paid := [(row, False) for row in already if row.license_uuid or row.transaction_id]:
            by_source[self._url_source()].extend(paid)
        for source_id, of_source in by_source.items():
            subsidies = self._subsidies([row for row, _ in of_source])
            for row, changed in of_source:
                assert row.account_id is not None  # rows without an account have failed
                fulfillments[row.id] = subsidies.attach(row.account_id, row, changed=changed)
            subsidies.write(rows, moment, self.by, source_id)
        return fulfillments

    def _subsidies(self, rows: Sequence[Row]) -> Subsidies:
        links = Links(self.customer)
        links.read({row.account_id for row in rows if row.account_id is not None})
        subsidies = Subsidies(self.customer)
        subsidies.read(
            links.ids(), [(row.account_id, row.course_run_key) for row in rows if row.account_id is not None]
        )
        return subsidies

    def _url_source(self) -> int | None:
        sources = EnterpriseEnrollmentSource.objects.filter(slug=EnterpriseEnrollmentSource.URL)
        return sources.values_list("pk", flat=True).first()

    def _join_cohorts(self, enrolled: Sequence[Row]) -> None:
        asking = [row for row in enrolled if str(row.position) in self.cohorts]
        if not asking:
            return
        learners = User.objects.in_bulk({row.account_id for row in asking})
        for row in asking:
            try:
                cohorts.join(learners[row.account_id], row.course_run_key, self.cohorts[str(row.position)])
            except cohorts.UnknownCohort:
                tracking.log.warning("a pending enrollment asks for a cohort that its run does not have", row=row.id)

    def _line(self, row: Row) -> tracking.Line:
        return tracking.Line(
            "pending-admin-enrollment",
            {
                "user_id": row.account_id,
                "course_id": row.course_run_key,
                "mode": row.course_mode,
                "enterprise_customer_uuid": str(self.customer.pk),
            },
        )
