"""Enterprise enrollments as lists show them (contract: enterprise-learners, its two views of enrollments)."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet, Subquery, UUIDField

from config.db.reads import (
    EitherEnd,
    Given,
    KeptCount,
    KeptList,
    KeptPage,
    KeptRows,
    KeyedStatement,
    Together,
    WireTime,
    apart,
)
from enrollments.models import CourseEnrollment, CourseOverview
from enrollments.models.courses import run_name
from enrollments.queries.certificates import passed_runs
from enterprise.models import DataSharingConsent, EnterpriseCourseEnrollment, EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.queries.consents import still_required
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.long_lists import CountOf, LongList, NewestChanges
from enterprise.queries.roles import CAN_ENROLL_LEARNERS, access

# --- Who sees which -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose enterprise enrollments a caller sees; those of unlinked learners never.

    Args:
        everything: all of them.
        customers: all of these customers.
        links: those of these learner links, the caller's own.
        using: the database to read from.
    """

    everything: bool = False
    customers: frozenset[UUID] = frozenset()
    links: frozenset[int] = frozenset()
    using: str = "default"

    @property
    def name(self) -> str:
        """A text that no other scope has."""
        seen = "all" if self.everything else ",".join(sorted(map(str, [*self.customers, *self.links])))
        return f"enterprise-enrollments:{seen}"

    @property
    def rows(self) -> QuerySet[EnterpriseCourseEnrollment]:
        """The visible enrollments, by id."""
        return self._of_any_learner.filter(enterprise_customer_user__linked=True)

    @property
    def _of_any_learner(self) -> QuerySet[EnterpriseCourseEnrollment]:
        """The same with those of learners who are not linked: no join, and so an index gives them in order."""
        enrollments = EnterpriseCourseEnrollment.all_objects.using(self.using)
        if self.everything:
            return enrollments
        own = Q(enterprise_customer_user__in=self.links)
        if not self.customers:
            return enrollments.filter(own) if self.links else enrollments.none()
        customers = Q(enterprise_customer__in=self.customers)
        if len(self.customers) == 1:
            customers = Q(enterprise_customer=next(iter(self.customers)))
        return enrollments.filter(customers | own if self.links else customers)

    def count(self) -> int:
        """How many are visible. All of them are counted along an index, then the few of unlinked learners taken off."""
        if not self.everything and not self.customers:
            return self.rows.count()
        unlinked = EnterpriseCustomerUser.all_objects.using(self.using).filter(linked=False)
        if not self.everything:
            unlinked = unlinked.filter(enterprise_customer__in=self.customers)
        hidden = self._of_any_learner.filter(enterprise_customer_user__in=unlinked.order_by().values("pk"))
        return self._of_any_learner.count() - hidden.count()


def scope_of(request: Any, *, using: str = "default") -> Scope:
    """What the caller of a request sees. One statement, none for staff; one more when the JWT does not say enough.

    Staff see everything, others their own and all of the customers that they are linked to and may enroll learners for.
    """
    if request.user.is_staff:
        return Scope(everything=True, using=using)
    own = _links_of([request.user.pk], using=using)
    held = access(request)
    customers = frozenset(customer for _, customer in own if held.has(CAN_ENROLL_LEARNERS, customer))
    links = frozenset(pk for pk, customer in own if customer not in customers)
    return Scope(customers=customers, links=links, using=using)


_links_of = KeyedStatement(
    lambda user_ids: (
        EnterpriseCustomerUser.objects.filter(user_id__in_set=user_ids)
        .order_by()
        .values_list("pk", "enterprise_customer_id")
    )
)


# --- The list -------------------------------------------------------------------------------------------------------


class ListedEnrollment(NamedTuple):
    """A row of the list; moments as answers write them, what is not known None."""

    enterprise_customer_user: int
    course_id: str
    created: str
    unenrolled_at: str | None
    enrollment_date: str | None
    enrollment_track: str | None
    user_email: str | None
    course_start: str | None
    course_end: str | None


def pageable(rows: QuerySet[EnterpriseCourseEnrollment]) -> tuple[EitherEnd, Sized]:
    """What a paginator takes: ids in tuples, for `listed`, and what to count.

    Args:
        rows: visible enrollments, in order.
    """
    countable = CountOf(lambda: rows.order_by().count())
    return EitherEnd(rows.values_list("pk"), countable), countable


def whole(scope: Scope) -> tuple[EitherEnd, Sized]:
    """The same for everything in a scope, by id. The count of a long list is kept; so are the statements of the usual
    scopes, all customers or one."""
    countable = LongList(scope.name, scope.count, lambda: _newest_changes(using=scope.using))
    if scope.everything:
        rows: Any = KeptRows(_all, _all_backwards, scope.using, {})
    elif len(scope.customers) == 1 and not scope.links:
        rows = KeptRows(_customers, _customers_backwards, scope.using, {"customer": next(iter(scope.customers))})
    else:
        rows = scope.rows.order_by("id").values_list("pk")
    return EitherEnd(rows, countable), countable


def _ids() -> QuerySet[Any, Any]:
    return EnterpriseCourseEnrollment.objects.order_by("id").values_list("pk")


def _ids_of_customer() -> QuerySet[Any, Any]:
    """Along an index, with no look at each link: who is not linked is few, and left out as a set."""
    customer = Given("customer", UUIDField())
    unlinked = EnterpriseCustomerUser.all_objects.filter(enterprise_customer=customer, linked=False)
    enrollments = EnterpriseCourseEnrollment.all_objects.filter(enterprise_customer=customer)
    linked = enrollments.exclude(enterprise_customer_user__in=unlinked.order_by().values("pk"))
    return linked.order_by("id").values_list("pk")


_all, _all_backwards = KeptPage(_ids), KeptPage(lambda: _ids().reverse())
_customers, _customers_backwards = KeptPage(_ids_of_customer), KeptPage(lambda: _ids_of_customer().reverse())


def listed(page: Sequence[tuple[int]], *, using: str = "default") -> list[ListedEnrollment]:
    """The enrollments of a page of ids, with the plain enrollments and runs that they speak of; one statement."""
    found = {pk: columns for pk, *columns in _rows([pk for (pk,) in page], using=using)}
    return [_listed(*found[pk]) for (pk,) in page if pk in found]


def _listed(link_id: int, run_id: str, created: str, left: Any, plain: Any, email: Any, dates: Any) -> ListedEnrollment:
    return ListedEnrollment(link_id, run_id, created, left, *apart(plain), email, *apart(dates))


def _rows_of(ids: list[int]) -> QuerySet[Any, Any]:
    plain = CourseEnrollment.objects.filter(
        user_id=OuterRef("enterprise_customer_user__user_id"), course_id=OuterRef("course_id")
    )
    run = CourseOverview.objects.filter(pk=OuterRef("course_id"))
    return (
        EnterpriseCourseEnrollment.all_objects.filter(pk__in_set=ids)
        .order_by()
        .values_list(
            "pk",
            "enterprise_customer_user_id",
            "course_id",
            WireTime("created"),
            WireTime("unenrolled_at"),
            Subquery(plain.order_by().values_list(Together(WireTime("created"), "mode"))),
            "enterprise_customer_user__user_fk__email",
            Subquery(run.order_by().values_list(Together(WireTime("start"), WireTime("end")))),
        )
    )


_rows = KeyedStatement(_rows_of)


_newest_changes = NewestChanges(EnterpriseCourseEnrollment, EnterpriseCustomerUser)


# --- One learner of a customer, for staff ---------------------------------------------------------------------------


class ReportedLink(NamedTuple):
    """A learner's link with a customer, and what the customer's reports may show."""

    id: int
    user_id: int
    shares_data: bool
    with_audit_modes: bool


class LearnersEnrollment(NamedTuple):
    """An enterprise enrollment of one learner, with the license's state (None: no license) and the plain enrollment's
    mode and state."""

    id: int
    created: datetime
    modified: datetime
    course_id: str
    saved_for_later: bool
    unenrolled: bool | None
    unenrolled_at: datetime | None
    enterprise_customer_user: int
    source: int | None
    license_is_revoked: bool | None
    mode: str
    is_enrollment_active: bool


class ShownRun(NamedTuple):
    """A run with its course; what speaks of the course is None while that is not known."""

    key: str
    display_name: str | None
    org: str | None
    self_paced: bool
    start: datetime | None
    end: datetime | None
    course_key: str | None
    course_type: str | None
    product_source: str | None
    details: dict[str, Any] | None

    @property
    def name(self) -> str:
        """What it is called."""
        return run_name(self.key, self.display_name)


class Surroundings(NamedTuple):
    """What belongs to the enrollments of a page: the runs that are known, by key, and the keys of those passed."""

    runs: dict[str, ShownRun]
    passed: set[str]


def link_of(lms_user_id: str, enterprise_uuid: str) -> ReportedLink | None:
    """The learner's link with the customer; None when nobody is linked or a text is no id. One statement."""
    customer_id = parsed_uuid(enterprise_uuid)
    if customer_id is None or not lms_user_id.isascii() or not lms_user_id.isdigit() or len(lms_user_id) > 18:
        return None
    rows = _link_rows([int(lms_user_id)], customer=customer_id)
    return ReportedLink._make(rows[0]) if rows else None


_link_rows = KeyedStatement(
    lambda user_ids: (
        EnterpriseCustomerUser.objects.filter(
            user_id__in_set=user_ids, enterprise_customer=Given("customer", UUIDField())
        )
        .order_by()
        .values_list(
            "pk",
            "user_id",
            "enterprise_customer__enable_data_sharing_consent",
            "enterprise_customer__enable_audit_data_reporting",
        )
    )
)


def of_learner(link: ReportedLink) -> Any:
    """The learner's enrollments by id, as tuples of LearnersEnrollment, for a paginator.

    Only those with a plain enrollment, in an audit mode only if the customer's reports have them; none for a customer
    without data sharing.
    """
    if not link.shares_data:
        return []
    hidden = () if link.with_audit_modes else tuple(settings.ENTERPRISE_COURSE_ENROLLMENT_AUDIT_MODES)
    return KeptList(*_learners_own(hidden), link=link.id, user=link.user_id)


@lru_cache
def _learners_own(hidden: tuple[str, ...]) -> tuple[KeptPage, KeptCount]:
    """The pages and the number of a link's enrollments whose plain ones are in none of these modes."""
    plain = CourseEnrollment.objects.filter(user_id=Given("user", BigIntegerField()), course_id=OuterRef("course_id"))
    plain = plain.exclude(mode__in=hidden).order_by()
    shown = EnterpriseCourseEnrollment.objects.filter(
        Exists(plain), enterprise_customer_user=Given("link", BigIntegerField())
    )
    columns = (*LearnersEnrollment._fields[:7], "enterprise_customer_user_id", "source_id", "license__is_revoked")
    of_plain = (Subquery(plain.values(name)) for name in ("mode", "is_active"))
    rows = shown.order_by("id").values_list(*columns, *of_plain)
    return KeptPage(lambda: rows), KeptCount(lambda: shown.values_list("pk"))


def surroundings(link: ReportedLink, run_keys: Sequence[str]) -> Surroundings:
    """Two statements; none when there are no runs."""
    runs = (ShownRun._make(row) for row in _run_rows(run_keys))
    return Surroundings({run.key: run for run in runs}, passed_runs(link.user_id, run_keys))


_run_rows = KeyedStatement(
    lambda run_keys: (
        CourseOverview.objects.filter(pk__in_set=run_keys)
        .order_by()
        .values_list(
            *("pk", "display_name", "org", "self_paced", "start", "end"),
            *("course__key", "course__course_type", "course__product_source", "course__additional_metadata"),
        )
    )
)


# --- One learner of all customers, for the support desk ---------------------------------------------------------------


class DeskConsent(NamedTuple):
    """What the learner answered this customer for this run, and whether an answer is still required."""

    granted: bool | None
    required: bool


class DeskEnrollment(NamedTuple):
    """An enterprise enrollment of a learner; license and consent are None where there is none."""

    course_id: str
    saved_for_later: bool
    link_id: int
    customer_id: UUID
    customer_name: str
    license_uuid: UUID | None
    license_is_revoked: bool | None
    consent: DeskConsent | None


_OF_CUSTOMER = "enterprise_customer_user__enterprise_customer"
_desk_rows = KeyedStatement(
    lambda run_keys: (
        EnterpriseCourseEnrollment.objects.filter(
            enterprise_customer_user__user_id=Given("user_id", BigIntegerField()), course_id__in_set=run_keys
        )
        .order_by("id")
        .values_list(
            "course_id",
            "saved_for_later",
            "enterprise_customer_user_id",
            f"{_OF_CUSTOMER}__uuid",
            f"{_OF_CUSTOMER}__name",
            "license__license_uuid",
            "license__is_revoked",
            f"{_OF_CUSTOMER}__enable_data_sharing_consent",
            f"{_OF_CUSTOMER}__enforce_data_sharing_consent",
        )
    )
)


def for_user_runs(user_id: int, username: str, run_keys: Collection[str]) -> list[DeskEnrollment]:
    """A learner's enterprise enrollments in these runs, of all customers that the learner is linked to, by id.

    Two statements, and three of the catalogs while a consent is open; one when there are no such enrollments.
    """
    rows = _desk_rows(run_keys, user_id=user_id)
    if not rows:
        return []
    records = DataSharingConsent.objects.filter(
        username=username,
        course_id__in_set={row[0] for row in rows},
        enterprise_customer__uuid__in_set={row[3] for row in rows},
    )
    answers = {
        (customer_id, run_key): granted
        for customer_id, run_key, granted in records.order_by().values_list(
            "enterprise_customer_id", "course_id", "granted"
        )
    }
    wanted = {row[3]: row[7] and row[8] == EnterpriseCustomer.Consent.AT_ENROLLMENT for row in rows}
    required = still_required([(*place, granted) for place, granted in answers.items()], wanted)
    found = []
    for row in rows:
        place = row[3], row[0]
        consent = DeskConsent(answers[place], place in required) if place in answers else None
        found.append(DeskEnrollment._make((*row[:7], consent)))
    return found
