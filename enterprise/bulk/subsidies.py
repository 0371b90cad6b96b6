"""Enterprise enrollments of a chunk's learners and what pays for them (contract: enterprise-learners, Fulfillments)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, UUIDField, Value, When

from config.db.sets import InPairs, insert_from, record_history, update_from
from enrollments.signals import EnrollmentChange
from enterprise.bulk.rows import Row
from enterprise.models import (
    DefaultEnterpriseEnrollmentRealization,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
)
from enterprise.queries.default_intentions import intended_runs
from enterprise.services import consent

Key = tuple[int, str]


class _Fulfillment:
    """What pays for an enrollment, as it is stored or will be."""

    __slots__ = ("id", "is_revoked", "subsidy", "uuid")

    def __init__(self, fulfillment_id: int | None, uuid: UUID, subsidy: UUID, is_revoked: bool) -> None:
        self.id = fulfillment_id
        self.uuid = uuid
        self.subsidy = subsidy
        self.is_revoked = is_revoked


class _Enrollment:
    """A learner's enterprise enrollment in one run, with its flags."""

    __slots__ = ("credit", "id", "license", "saved_for_later", "unenrolled")

    def __init__(
        self, enrollment_id: int | None = None, saved_for_later: bool = False, unenrolled: bool = False
    ) -> None:
        self.id = enrollment_id
        self.saved_for_later = saved_for_later
        self.unenrolled = unenrolled
        self.license: _Fulfillment | None = None
        self.credit: _Fulfillment | None = None


class Subsidies:
    """Enterprise enrollments and fulfillments in sets: `read`, then per row `conflicts` and `attach`, then `write`."""

    def __init__(self, customer: EnterpriseCustomer) -> None:
        self.customer = customer
        self._enrollments: dict[Key, _Enrollment] = {}
        self.new: list[int] = []
        self._licenses: list[int] = []
        self._credits: list[int] = []
        self._reactivated_licenses: list[int] = []
        self._reactivated_credits: list[tuple[int, UUID]] = []
        self._unflagged: set[int] = set()
        self._realizing: list[int] = []

    def read(self, links: Mapping[int, int], wanted: Iterable[Key]) -> None:
        """Reads the enterprise enrollments that there are already.

        Args:
            links: account -> its link with the customer; an account without one has no enterprise enrollment.
            wanted: account and run of each row.
        """
        pairs = {(links[account_id], run_key): account_id for account_id, run_key in wanted if account_id in links}
        if not pairs:
            return
        columns = (
            "enterprise_customer_user_id",
            "course_id",
            "id",
            "saved_for_later",
            "unenrolled",
            *(f"license__{name}" for name in ("id", "uuid", "license_uuid", "is_revoked")),
            *(f"learner_credit__{name}" for name in ("id", "uuid", "transaction_id", "is_revoked")),
        )
        here = InPairs("enterprise_customer_user_id", "course_id", pairs)
        stored = EnterpriseCourseEnrollment.all_objects.filter(here)
        for row in stored.order_by().values_list(*columns):
            enrollment = _Enrollment(row[2], saved_for_later=row[3], unenrolled=bool(row[4]))
            self._enrollments[pairs[row[0], row[1]], row[1]] = enrollment
            if row[5] is not None:
                enrollment.license = _Fulfillment(*row[5:9])
            if row[9] is not None:
                enrollment.credit = _Fulfillment(*row[9:13])

    def conflicts(self, account_id: int, row: Row) -> bool:
        """Whether another license already pays for the enrollment that the row asks for."""
        enrollment = self._enrollments.get((account_id, row.course_run_key))
        if enrollment is None or enrollment.license is None or row.license_uuid is None:
            return False
        return enrollment.license.subsidy != row.license_uuid

    def attach(self, account_id: int, row: Row, *, changed: bool) -> UUID | None:
        """Gives the learner the enterprise enrollment and the fulfillment that the row asks for.

        Args:
            changed: the plain enrollment was made, activated or moved to another mode for this row.
        Returns:
            The fulfillment's uuid; None for a row that nothing pays for.
        """
        key = (account_id, row.course_run_key)
        enrollment = self._enrollments.get(key)
        if enrollment is None:
            enrollment = self._enrollments[key] = _Enrollment()
            self.new.append(row.id)
        if changed:
            self._unflag(enrollment)
        if row.is_default_auto_enrollment:
            self._realizing.append(row.id)
        if row.license_uuid is not None:
            return self._attach_license(enrollment, row, row.license_uuid)
        if row.transaction_id is not None:
            return self._attach_credit(enrollment, row, row.transaction_id)
        return None

    def _attach_license(self, enrollment: _Enrollment, row: Row, license_uuid: UUID) -> UUID:
        if enrollment.license is None:
            enrollment.license = _Fulfillment(None, row.fulfillment_uuid, license_uuid, False)
            self._licenses.append(row.id)
        elif enrollment.license.is_revoked and enrollment.license.id is not None:
            enrollment.license.is_revoked = False
            self._reactivated_licenses.append(enrollment.license.id)
            self._come_back(enrollment)
        return enrollment.license.uuid

    def _attach_credit(self, enrollment: _Enrollment, row: Row, transaction_id: UUID) -> UUID:
        if enrollment.credit is None:
            enrollment.credit = _Fulfillment(None, row.fulfillment_uuid, transaction_id, False)
            self._credits.append(row.id)
        elif enrollment.credit.is_revoked and enrollment.credit.id is not None:
            enrollment.credit.is_revoked = False
            self._reactivated_credits.append((enrollment.credit.id, transaction_id))
            self._come_back(enrollment)
        return enrollment.credit.uuid

    def _come_back(self, enrollment: _Enrollment) -> None:
        """What pays again brings back who left; an enrollment that is only saved for later stays so."""
        if enrollment.unenrolled:
            self._unflag(enrollment)

    def _unflag(self, enrollment: _Enrollment) -> None:
        if enrollment.id is not None and (enrollment.unenrolled or enrollment.saved_for_later):
            enrollment.unenrolled = enrollment.saved_for_later = False
            self._unflagged.add(enrollment.id)

    def activated(self, changes: Iterable[EnrollmentChange]) -> None:
        """Has the flags of other customers' enterprise enrollments cleared, too: the plain enrollment is active again.

        Args:
            changes: what happened to plain enrollments; a new one has flags nowhere.
        """
        again = [(change.user_id, change.course_id) for change in changes if change.is_active and not change.created]
        if again:
            theirs = InPairs("enterprise_customer_user__user_id", "course_id", again)
            flagged = Q(unenrolled=True) | Q(saved_for_later=True)
            enrollments = EnterpriseCourseEnrollment.objects.filter(theirs, flagged)
            self._unflagged.update(enrollments.order_by().values_list("pk", flat=True))

    def write(self, rows: QuerySet[Any], moment: datetime, by: dict[str, Any], source_id: int | None) -> None:
        """Writes enrollments, flags, implied consents, fulfillments and realizations, with their history.

        Args:
            rows: the job's rows.
            by: `user_id` and `reason` of the history.
            source_id: where new enrollments come from.
        """
        self._write_enrollments(rows, moment, by, source_id)
        self._write_new(LicensedEnterpriseCourseEnrollment, "license_uuid", self._licenses, rows, moment, by)
        self._write_new(LearnerCreditEnterpriseCourseEnrollment, "transaction_id", self._credits, rows, moment, by)
        if self._reactivated_licenses:
            licenses = LicensedEnterpriseCourseEnrollment.objects.filter(pk__in_set=self._reactivated_licenses)
            licenses.update(is_revoked=False, modified=moment)
            record_history(LicensedEnterpriseCourseEnrollment, self._reactivated_licenses, "~", moment=moment, **by)
        if self._reactivated_credits:
            update_from(
                LearnerCreditEnterpriseCourseEnrollment,
                ("id", "transaction_id"),
                self._reactivated_credits,
                same={"is_revoked": False, "modified": moment},
            )
            credit_ids = [credit_id for credit_id, _ in self._reactivated_credits]
            record_history(LearnerCreditEnterpriseCourseEnrollment, credit_ids, "~", moment=moment, **by)
        if self._realizing:
            self._realize(rows, moment, by)

    def _write_enrollments(
        self, rows: QuerySet[Any], moment: datetime, by: dict[str, Any], source_id: int | None
    ) -> None:
        if self.new:
            link = EnterpriseCustomerUser.all_objects.filter(
                enterprise_customer=self.customer, user_id=OuterRef("account_id")
            ).order_by()
            made = insert_from(
                EnterpriseCourseEnrollment,
                rows.filter(pk__in_set=self.new).order_by("account_id", "course_run_key"),
                {
                    "enterprise_customer_id": self.customer.pk,
                    "enterprise_customer_user_id": Subquery(link.values("pk")),
                    "course_id": F("course_run_key"),
                    "saved_for_later": False,
                    "source_id": source_id,
                    "unenrolled": None,
                    "unenrolled_at": None,
                    "created": moment,
                    "modified": moment,
                },
                expect=len(self.new),
            )
            ids = [key for (key,) in made]
            record_history(EnterpriseCourseEnrollment, ids, "+", moment=moment, **by)
            if self.customer.implies_consent:
                consent.imply(ids)
        if self._unflagged:
            flagged = EnterpriseCourseEnrollment.all_objects.filter(pk__in_set=self._unflagged)
            flagged.update(saved_for_later=False, unenrolled=False, unenrolled_at=None, modified=moment)
            record_history(EnterpriseCourseEnrollment, self._unflagged, "~", moment=moment, **by)

    def _enrollment_of_row(self) -> Subquery:
        # By one unique key, then the other: a join is planned by way of the run while tables have no statistics.
        link = EnterpriseCustomerUser.all_objects.filter(
            enterprise_customer=self.customer, user_id=OuterRef(OuterRef("account_id"))
        )
        found = EnterpriseCourseEnrollment.all_objects.filter(
            enterprise_customer_user=Subquery(link.order_by().values("pk")), course_id=OuterRef("course_run_key")
        )
        return Subquery(found.order_by().values("pk"))

    def _write_new(
        self,
        model: type[LicensedEnterpriseCourseEnrollment | LearnerCreditEnterpriseCourseEnrollment],
        subsidy: str,
        row_ids: list[int],
        rows: QuerySet[Any],
        moment: datetime,
        by: dict[str, Any],
    ) -> None:
        if not row_ids:
            return
        made = insert_from(
            model,
            rows.filter(pk__in_set=row_ids).order_by("account_id", "course_run_key"),
            {
                "uuid": F("fulfillment_uuid"),
                "fulfillment_type": model._meta.get_field("fulfillment_type").get_default(),
                "enterprise_course_enrollment_id": self._enrollment_of_row(),
                "enterprise_course_entitlement_id": None,
                subsidy: F(subsidy),
                "is_revoked": False,
                "created": moment,
                "modified": moment,
            },
            expect=len(row_ids),
        )
        record_history(model, [key for (key,) in made], "+", moment=moment, **by)

    def _realize(self, rows: QuerySet[Any], moment: datetime, by: dict[str, Any]) -> None:
        """Ties enrollments to the default intentions they come from; what realizes one already keeps it."""
        intentions = intended_runs(self.customer)
        if not intentions:
            return
        intention = Case(
            *(When(course_run_key=key, then=Value(uuid, output_field=UUIDField())) for key, uuid in intentions.items()),
            output_field=UUIDField(),
        )
        made = insert_from(
            DefaultEnterpriseEnrollmentRealization,
            rows.filter(pk__in_set=self._realizing, course_run_key__in_set=list(intentions)).order_by(
                "account_id", "course_run_key"
            ),
            {
                "intended_enrollment_id": intention,
                "realized_enrollment_id": self._enrollment_of_row(),
                "created": moment,
                "modified": moment,
            },
        )
        record_history(DefaultEnterpriseEnrollmentRealization, [key for (key,) in made], "+", moment=moment, **by)
