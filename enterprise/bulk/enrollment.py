"""The work of an enrollment job, a chunk at a time (contract: enterprise-learners, bulk enrollment, Work).

A chunk links its learners, enrolls those with an account, makes the others wait, and asks for the mail, all in one
transaction and in a number of statements that does not depend on its size. Decisions are made in Python over what was
locked, row by row in the order of the request; what they come to is written in sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from config.db.sets import update_from
from enrollments.services import bulk as enrollments
from enrollments.services import tracking
from enterprise.bulk import mail, pending, reasons
from enterprise.bulk.learners import Links
from enterprise.bulk.rows import Results, Row
from enterprise.bulk.staging import accounts_at, is_address
from enterprise.bulk.subsidies import Subsidies
from enterprise.models import BulkJob, BulkJobRow, EnterpriseEnrollmentSource
from enterprise.queries.emails import lowered


class EnrollmentWork:
    """Carries out the rows of one job; made anew for every slice of work."""

    def __init__(self, job: BulkJob) -> None:
        """
        Raises:
            ValueError: the job has no customer.
        """
        if job.enterprise_customer is None:
            raise ValueError(f"the job {job.pk} has no customer")
        self.job = job
        self.customer = job.enterprise_customer
        self.notify = bool(job.options.get("notify"))
        self.discount = Decimal(job.options.get("discount", "0"))
        self.by: dict[str, Any] = {"user_id": job.actor_id, "reason": f"bulk job {job.pk}"}
        sources = EnterpriseEnrollmentSource.objects.filter(slug=EnterpriseEnrollmentSource.CUSTOMER_ADMIN)
        self.source_id = sources.values_list("pk", flat=True).first()

    def work(self, claimed: Sequence[Row]) -> Counter[str]:
        """Carries out claimed rows inside the caller's transaction, and writes their results.

        Returns:
            How many rows ended in each state.
        Raises:
            Overtaken: another writer was faster; the transaction must be rolled back and may be tried again.
        """
        results = Results()
        moment = timezone.now()
        rows: QuerySet[Any] = BulkJobRow.objects.order_by()
        claimed = self._find_accounts(claimed)
        accounts = enrollments.lock_accounts({row.account_id for row in claimed if row.account_id is not None})
        waiting = self._enroll(claimed, accounts, rows, results, moment)
        if waiting:
            pending.enroll(
                self.customer,
                waiting,
                rows,
                results,
                discount=self.discount,
                source_id=self.source_id,
                moment=moment,
                by=self.by,
            )
        if self.notify and results.created:
            mail.ask_for(self.job, rows.filter(pk__in_set=results.created), moment)
        results.write()
        return results.counts()

    def finish(self) -> None:
        """After the last row: one line for every run that anybody was newly enrolled in."""
        told = set(self.job.options.get("tracked", ()))
        new = (
            self.job.rows.filter(created=True)
            .order_by("course_run_key")
            .values_list("course_run_key", flat=True)
            .distinct()
        )
        runs = [key for key in new if key not in told]
        if not runs:
            return
        BulkJob.objects.filter(pk=self.job.pk).update(options={**self.job.options, "tracked": [*told, *runs]})
        tracking.emit(self._line(self.job.actor_id, run_key) for run_key in runs)

    def _find_accounts(self, claimed: Sequence[Row]) -> list[Row]:
        """Accounts that came into being after the rows were stored count, too."""
        without = {row.id: row.given_email for row in claimed if row.account_id is None}
        if not without:
            return list(claimed)
        found = accounts_at(set(without.values()))
        if not found:
            return list(claimed)
        changed = {row_id: found[lowered(given)] for row_id, given in without.items() if lowered(given) in found}
        update_from(
            BulkJobRow, ("id", "account_id", "email"), [(row_id, *account) for row_id, account in changed.items()]
        )
        return [
            row._replace(account_id=changed[row.id][0], email=changed[row.id][1]) if row.id in changed else row
            for row in claimed
        ]

    def _enroll(
        self,
        claimed: Sequence[Row],
        accounts: dict[int, enrollments.Account],
        rows: QuerySet[Any],
        results: Results,
        moment: Any,
    ) -> list[Row]:
        """Enrolls the learners with an account. Returns the rows of the others, in order."""
        links, subsidies = Links(self.customer), Subsidies(self.customer)
        ensure = enrollments.Ensure(accounts, moment)
        here = [row for row in claimed if row.account_id in accounts]
        if here:
            run_keys = {row.course_run_key for row in here}
            ensure.lock_runs(run_keys)
            links.read(list(accounts))
            ensure.read(
                [(account_id, row.course_run_key, row.force_enrollment) for account_id, row in _by_account(here)]
            )
            subsidies.read(links.ids(), [(account_id, row.course_run_key) for account_id, row in _by_account(here)])
        waiting = []
        for row in claimed:
            if row.account_id is None:
                waiting.append(row)
            elif row.account_id not in accounts:
                self._account_is_gone(row, results, waiting)
            elif not is_address(row.email):
                results.invalid(row, reasons.INVALID_EMAIL)
            elif links.barred(row.account_id):
                results.invalid(row, reasons.NOT_RELINKABLE)
            else:
                links.join(row.account_id, row.id)
                self._enroll_one(row.account_id, row, ensure, subsidies, results)
        links.write(rows, moment, self.by)
        subsidies.activated(ensure.write(rows, origin="enterprise", **self.by))
        subsidies.write(rows, moment, self.by, self.source_id)
        new = set(subsidies.new)
        tracking.emit(self._line(row.account_id, row.course_run_key) for row in claimed if row.id in new)
        return waiting

    def _enroll_one(
        self, account_id: int, row: Row, ensure: enrollments.Ensure, subsidies: Subsidies, results: Results
    ) -> None:
        # The conflict comes first, so that a row that fails has changed nothing.
        if subsidies.conflicts(account_id, row):
            results.failed(row, reasons.SUBSIDY_CONFLICT)
            return
        refusal, changed = ensure.decide(row.id, account_id, row.course_run_key, row.course_mode, row.force_enrollment)
        if refusal:
            results.failed(row, refusal)
            return
        fulfillment_uuid = subsidies.attach(account_id, row, changed=changed)
        results.succeeded(row, created=changed, fulfillment_uuid=fulfillment_uuid)

    def _account_is_gone(self, row: Row, results: Results, waiting: list[Row]) -> None:
        """The account was deleted after the row was stored: its id leads nowhere now, an address waits for the next."""
        if row.given_user_id is not None:
            results.invalid(row, reasons.UNKNOWN_USER_ID)
        else:
            waiting.append(row)

    def _line(self, user_id: int | None, run_key: str) -> tracking.Line:
        """The event of an enrollment by a customer: of the learner for a new one, of the actor for a run."""
        about = {"user_id": user_id, "course_id": run_key, "enterprise_customer_uuid": str(self.customer.pk)}
        return tracking.Line("customer-admin-enrollment", about)


def _by_account(rows: Sequence[Row]) -> list[tuple[int, Row]]:
    return [(row.account_id, row) for row in rows if row.account_id is not None]
