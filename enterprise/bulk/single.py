"""The work of single enrollment: each row enrolls or unenrolls one learner in a mode that the caller chose.

Rows are carried out in their order. Those that have nothing to do with each other are carried out together, in a number
of statements that does not depend on how many they are; a learner's place in a cohort costs a few more.
Contract: enterprise-learners, `POST .../course_enrollments/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from config.db.sets import InPairs, record_history, update_from
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import User
from enrollments.services import bulk as enrollments
from enrollments.services import cohorts, embargo, tracking
from enrollments.services.enrollment_ladder import COHORT_REFUSED, EMBARGOED, refusal_text
from enterprise.bulk import mail, modes, pending, reasons
from enterprise.bulk.rows import Results, Row
from enterprise.bulk.subsidies import Subsidies
from enterprise.models import (
    BulkJob,
    BulkJobRow,
    EnterpriseCourseEnrollment,
    EnterpriseCustomerUser,
    EnterpriseEnrollmentSource,
    PendingEnrollment,
)
from enterprise.queries.emails import lowered
from enterprise.queries.learners import pending_learners
from enterprise.services import course_enrollments, fulfillments

# Not "enterprise": the enterprise enrollments of other customers follow these changes as they follow anybody's.
ORIGIN = "single-enrollment"
EVENT = "rest-api-enrollment"

DOWNGRADE = "The user is already enrolled in the course {} in {} mode and cannot be enrolled in {} mode"
NO_COHORTING = "Auto-cohorting is not enabled for this enterprise"

_WITHOUT = ("user_id", "course_id", "id", "course_mode", "cohort_name", "discount_percentage", "source_id")


class SingleEnrollmentWork:
    """Carries out the rows of one request; made anew for every slice of work.

    The job's options, by position of a row: `unenroll` and `notify` (lists), `cohorts` (position -> name).
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
        self.unenroll = frozenset(job.options.get("unenroll", ()))
        self.notify = frozenset(job.options.get("notify", ()))
        self.cohorts: Mapping[str, str] = job.options.get("cohorts", {})
        self.by: dict[str, Any] = {"user_id": job.actor_id, "reason": f"bulk job {job.pk}"}
        sources = EnterpriseEnrollmentSource.objects.filter(slug=EnterpriseEnrollmentSource.API)
        self.source_id = sources.values_list("pk", flat=True).first()
        self.rows: QuerySet[Any] = BulkJobRow.objects.order_by()

    def work(self, claimed: Sequence[Row]) -> Counter[str]:
        """Carries out rows inside the caller's transaction, and writes their results; counts them by state.

        Raises:
            Overtaken: another writer was faster; the transaction must be rolled back and may be tried again.
        """
        results, moment = Results(), timezone.now()
        accounts = enrollments.lock_accounts({row.account_id for row in claimed if row.account_id is not None})
        links = self._links(accounts)
        for leaving, joining in self._independent(claimed):
            self._unenroll([row for row in leaving if row.account_id is not None], links, results)
            self._clear([row for row in leaving if row.account_id is None], results)
            self._enroll([row for row in joining if row.account_id is not None], accounts, links, results, moment)
            self._wait([row for row in joining if row.account_id is None], results, moment)
        mailed = [row.id for row in claimed if row.position in self.notify and row.position not in self.unenroll]
        if asking := set(mailed) & set(results.created):
            mail.ask_for(self.job, self.rows.filter(pk__in_set=sorted(asking)), moment)
        results.write()
        return results.counts()

    def finish(self) -> None:
        """Nothing is left to do after the last row."""

    def _independent(self, claimed: Sequence[Row]) -> Iterator[tuple[list[Row], list[Row]]]:
        """Stretches of rows, those that unenroll and those that enroll: in no run both, so their order is all one."""
        stretch: tuple[list[Row], list[Row]] = ([], [])
        runs: tuple[set[str], set[str]] = (set(), set())
        for row in claimed:
            joins = row.position not in self.unenroll
            if row.course_run_key in runs[not joins]:
                yield stretch
                stretch, runs = ([], []), (set(), set())
            stretch[joins].append(row)
            runs[joins].add(row.course_run_key)
        yield stretch

    def _links(self, accounts: Mapping[int, enrollments.Account]) -> dict[int, int]:
        """Account -> its link with the customer, locked. Who was unlinked since the request was checked has none."""
        links = EnterpriseCustomerUser.objects.filter(enterprise_customer=self.customer, user_id__in_set=list(accounts))
        locked = links.order_by("user_id").select_for_update(no_key=True)
        return dict(locked.values_list("user_id", "pk"))

    # --- Learners with a link ---------------------------------------------------------------------------------------

    def _enroll(
        self,
        asked: Sequence[Row],
        accounts: Mapping[int, enrollments.Account],
        links: Mapping[int, int],
        results: Results,
        moment: datetime,
    ) -> None:
        if not asked:
            return
        here = [(row.account_id, row) for row in asked if row.account_id is not None and row.account_id in links]
        ensure = enrollments.Ensure(accounts, moment)
        if here:
            ensure.lock_runs({row.course_run_key for _, row in here})
            ensure.read([(account_id, row.course_run_key, False) for account_id, row in here])
        for row in asked:
            if row.account_id not in links:
                results.failed(row, reasons.NOT_LINKED)
        enrolled: list[tuple[int, Row]] = []
        for account_id, row in here:
            mode = ensure.active_mode(account_id, row.course_run_key)
            reason, text = self._refusal(row, mode)
            if reason:
                results.failed(row, reason, text)
            elif modes.stays(row.course_mode, mode):
                results.succeeded(row, created=False)
            elif self._is_embargoed(account_id, row):
                results.failed(row, reasons.EMBARGOED, EMBARGOED.format(row.course_run_key))
            else:
                outcome = ensure.decide(row.id, account_id, row.course_run_key, row.course_mode, False)
                if outcome.reason:
                    username = accounts[account_id].username
                    text = refusal_text(outcome.reason, username, row.course_run_key, row.course_mode)
                    results.failed(row, outcome.reason, text)
                else:
                    enrolled.append((account_id, row))
        ensure.write(self.rows, origin=ORIGIN, **self.by)
        stand_by = self._in_cohorts(enrolled, results)
        self._stand_behind(stand_by, links, moment)
        for _, row in stand_by:
            results.succeeded(row, created=True)
        tracking.emit(self._line(account_id, row) for account_id, row in stand_by)

    def _refusal(self, row: Row, mode: str | None) -> tuple[str, str]:
        if modes.is_downgrade(row.course_mode, mode):
            return reasons.DOWNGRADE, DOWNGRADE.format(row.course_run_key, mode, row.course_mode)
        if not modes.stays(row.course_mode, mode) and self._cohort(row) and not self.customer.enable_autocohorting:
            return reasons.NO_COHORTING, NO_COHORTING
        return "", ""

    def _is_embargoed(self, account_id: int, row: Row) -> bool:
        """Whether the learner's own country keeps them out: the request comes from the customer's side, not theirs."""
        if not settings.EMBARGO:
            return False
        try:
            key = CourseKey.parse(row.course_run_key)
        except InvalidCourseKey:
            return False
        return embargo.blocking_message(User.objects.get(pk=account_id), key, "") is not None

    def _cohort(self, row: Row) -> str | None:
        return self.cohorts.get(str(row.position))

    def _in_cohorts(self, enrolled: Sequence[tuple[int, Row]], results: Results) -> list[tuple[int, Row]]:
        """Puts learners into the cohorts asked for. Returns those who are where they should be.

        Who asks for a cohort that the run does not have stays enrolled, but for no customer.
        """
        learners = User.objects.in_bulk({account_id for account_id, row in enrolled if self._cohort(row)})
        placed = []
        for account_id, row in enrolled:
            if name := self._cohort(row):
                try:
                    cohorts.join(learners[account_id], row.course_run_key, name)
                except cohorts.UnknownCohort:
                    results.failed(row, reasons.UNKNOWN_COHORT, COHORT_REFUSED.format(name))
                    continue
            placed.append((account_id, row))
        return placed

    def _stand_behind(self, enrolled: Sequence[tuple[int, Row]], links: Mapping[int, int], moment: datetime) -> None:
        if not enrolled:
            return
        subsidies = Subsidies(self.customer)
        subsidies.read(links, [(account_id, row.course_run_key) for account_id, row in enrolled])
        for account_id, row in enrolled:
            subsidies.attach(account_id, row, changed=True)
        subsidies.write(self.rows, moment, self.by, self.source_id)

    def _line(self, account_id: int, row: Row) -> tracking.Line:
        about = {"user_id": account_id, "course_id": row.course_run_key, "mode": row.course_mode}
        return tracking.Line(EVENT, {**about, "enterprise_customer_uuid": str(self.customer.pk)})

    def _unenroll(self, asked: Sequence[Row], links: Mapping[int, int], results: Results) -> None:
        """Ends active enrollments; the customer's enterprise enrollments go with them. Others are left alone."""
        pairs = {
            (row.account_id, row.course_run_key)
            for row in asked
            if row.account_id is not None and row.account_id in links
        }
        if pairs:
            own = InPairs(
                "enterprise_customer_user_id", "course_id", {(links[account], run_key) for account, run_key in pairs}
            )
            theirs = EnterpriseCourseEnrollment.all_objects.filter(own)
            columns = ("enterprise_customer_user__user_id", "course_id", "pk")
            enterprise = {(account, run_key): pk for account, run_key, pk in theirs.values_list(*columns)}
            paying = fulfillments.standing_credits(enterprise.values())
            ended = enrollments.deactivate(pairs, origin=ORIGIN, **self.by)
            over = {(change.user_id, change.course_id) for change in ended}
            gone = [pk for pair, pk in enterprise.items() if pair in over]
            fulfillments.tell_of_revoked(paying)
            course_enrollments.delete_all(gone)
        for row in asked:
            results.succeeded(row, created=False)

    # --- Addresses without one --------------------------------------------------------------------------------------

    def _wait(self, asked: Sequence[Row], results: Results, moment: datetime) -> None:
        """Makes or updates pending enrollments, even where an account has the address: it is claimed when next saved.

        What pays for a pending enrollment that exists stays as it is.
        """
        if not asked:
            return
        learners = pending.learners_of(self.customer, asked, self.rows, moment, self.by)
        wanted = {(learners[row.id], row.course_run_key): row for row in asked}  # of equal ones the last counts
        stored = PendingEnrollment.objects.filter(InPairs("user_id", "course_id", wanted.keys())).order_by()
        known = {(row[0], row[1]): row[2:] for row in stored.values_list(*_WITHOUT)}
        discount = self.customer.default_contract_discount or Decimal(0)
        shared = {"discount_percentage": discount, "source_id": self.source_id, "modified": moment}
        new = {key: row for key, row in wanted.items() if key not in known}
        made = pending.insert(self.customer, [row.id for row in new.values()], self.rows, moment, shared)
        ids = {(user_id, run_key): pk for pk, user_id, run_key in made}
        named = [(ids[key], name) for key, row in new.items() if (name := self._cohort(row))]
        update_from(PendingEnrollment, ("id", "cohort_name"), named)
        record_history(PendingEnrollment, list(ids.values()), "+", moment=moment, **self.by)
        changed = [
            (known[key][0], row.course_mode, self._cohort(row))
            for key, row in wanted.items()
            if key in known and known[key][1:] != (row.course_mode, self._cohort(row), discount, self.source_id)
        ]
        update_from(PendingEnrollment, ("id", "course_mode", "cohort_name"), changed, same=shared)
        record_history(PendingEnrollment, [pk for pk, _, _ in changed], "~", moment=moment, **self.by)
        first: set[pending.Key] = set()
        for row in asked:
            key = (learners[row.id], row.course_run_key)
            results.pending(row, created=key in new and key not in first)
            first.add(key)

    def _clear(self, asked: Sequence[Row], results: Results) -> None:
        """Deletes pending enrollments; the pending learners stay."""
        if not asked:
            return
        found = pending_learners(self.customer.pk, {row.given_email for row in asked}).select_for_update(of=("self",))
        learners = {row.lowered: row.pk for row in found}
        pairs = {
            (learners[address], row.course_run_key)
            for row in asked
            if (address := lowered(row.given_email)) in learners
        }
        if pairs:
            rows = PendingEnrollment.objects.filter(InPairs("user_id", "course_id", pairs)).order_by()
            ids = list(rows.values_list("pk", flat=True))
            record_history(PendingEnrollment, ids, "-", **self.by)
            gone: Any = PendingEnrollment.objects.filter(pk__in_set=ids)
            gone._raw_delete(gone.db)
        for row in asked:
            results.succeeded(row, created=False)
