"""What default enrollment intentions lead to (contract: enterprise-learners, DefaultEnterpriseEnrollmentIntention)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower

from enrollments.models import Course, CourseEnrollment, CourseOverview
from enrollments.queries.course_modes import best_mode
from enterprise.models import (
    DefaultEnterpriseEnrollmentIntention,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    EnterpriseCustomerCatalog,
    EnterpriseCustomerUser,
)
from enterprise.queries.content import Run, advertised_run, load_runs, runs_in_catalogs, runs_of_courses

ContentType = DefaultEnterpriseEnrollmentIntention.ContentType


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a content key means: its kind, the course's key, and the run to enroll in; each None when there is none."""

    content_type: str | None = None
    course_key: str | None = None
    run: Run | None = None


UNRESOLVED = Resolution()


def resolve(content_keys: Collection[str]) -> dict[str, Resolution]:
    """What each content key means; a key that names neither a course nor a run is UNRESOLVED. Five statements at most.

    Keys are compared ignoring case. A course leads to the run it advertises, if there is one.
    """
    wanted = {key: key.lower() for key in content_keys}
    if not wanted:
        return {}
    addresses = set(wanted.values())
    courses = {
        course.key.lower(): course
        for course in Course.objects.annotate(lowered=Lower("key")).filter(lowered__in_set=addresses)
    }
    of_courses = runs_of_courses([course.pk for course in courses.values()]) if courses else {}
    runs: dict[str, Run] = {}
    if others := addresses - courses.keys():
        rows = CourseOverview.objects.annotate(lowered=Lower("id")).filter(lowered__in_set=others)
        runs = {run.row.pk.lower(): run for run in load_runs(rows.select_related("course__organization"))}
    resolved = {}
    for key, lowered in wanted.items():
        if course := courses.get(lowered):
            run = advertised_run(course.advertised_run_key, of_courses.get(course.pk, ()))
            resolved[key] = Resolution(ContentType.COURSE.value, course.key, run)
        elif found := runs.get(lowered):
            resolved[key] = Resolution(ContentType.COURSE_RUN.value, found.course_key, found)
        else:
            resolved[key] = UNRESOLVED
    return resolved


def intended_runs(customer: EnterpriseCustomer) -> dict[str, UUID]:
    """Run key -> the customer's first available intention that leads there. Six statements at most."""
    intentions = DefaultEnterpriseEnrollmentIntention.objects.filter(enterprise_customer=customer)
    by_key = dict(intentions.order_by("-created", "-pk").values_list("content_key", "pk"))
    resolved = resolve(by_key)
    # Newest first, so that the oldest intention for a run is the one that stays.
    return {run.row.pk: uuid for key, uuid in by_key.items() if (run := resolved[key].run) is not None}


# --- What answers say about intentions --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IntentionFacts:
    """An intention with all that its content metadata says today.

    Args:
        best_mode: None when no run was found.
        catalogs: the customer's catalogs that hold the run, the oldest first.
    """

    intention: DefaultEnterpriseEnrollmentIntention
    resolution: Resolution
    best_mode: str | None = None
    catalogs: Sequence[UUID] = ()

    @property
    def course_key(self) -> str | None:
        return self.resolution.course_key

    @property
    def run_key(self) -> str | None:
        return self.resolution.run.row.pk if self.resolution.run else None

    @property
    def is_enrollable(self) -> bool:
        return self.resolution.run is not None and self.resolution.run.row.enrollment_is_open

    @property
    def run_facts(self) -> dict[str, Any]:
        """Dates and price of the run, None where unknown; nothing at all without a run."""
        run = self.resolution.run
        if run is None:
            return {}
        seat = run.paid_seat
        deadlines = [each for each in (run.row.enrollment_end, seat and seat.expiration_datetime) if each]
        return {
            "start_date": run.row.start,
            "end_date": run.row.end,
            "enroll_by_date": min(deadlines, default=None),
            "enroll_start_date": run.row.enrollment_start,
            "content_price": _entitlement_price(run) if seat is None else seat.min_price,
        }


def intentions_of(customer_id: UUID) -> QuerySet[DefaultEnterpriseEnrollmentIntention]:
    """The available intentions of a customer, the oldest first."""
    return DefaultEnterpriseEnrollmentIntention.objects.filter(enterprise_customer_id=customer_id).order_by(
        "created", "pk"
    )


def intention_facts(intentions: Sequence[DefaultEnterpriseEnrollmentIntention]) -> list[IntentionFacts]:
    """The facts of one customer's intentions, in their order; ten statements at most."""
    resolved = resolve([intention.content_key for intention in intentions])
    run_keys = {resolution.run.row.pk for resolution in resolved.values() if resolution.run is not None}
    modes = best_mode(run_keys) if run_keys else {}
    catalogs: Mapping[str, Sequence[UUID]] = {}
    if run_keys:
        customer_id = intentions[0].enterprise_customer_id
        catalogs = runs_in_catalogs([customer_id], run_keys).get(customer_id, {})
    facts = []
    for intention in intentions:
        resolution = resolved[intention.content_key]
        key = resolution.run.row.pk if resolution.run else ""
        facts.append(IntentionFacts(intention, resolution, modes.get(key), catalogs.get(key, ())))
    return facts


class Checked(NamedTuple):
    """Some intentions that were looked at: how many, and those that lead to nothing a catalog of theirs holds."""

    checked: int
    outside: list[DefaultEnterpriseEnrollmentIntention]


def outside_catalogs(settled: datetime, batch_size: int) -> Iterator[Checked]:
    """Looks at the available intentions of all customers, some customers at a time; ten statements each time.

    Args:
        settled: customers whose catalogs, or the queries of these, changed later are passed over.
        batch_size: customers at a time.
    """
    catalogs = EnterpriseCustomerCatalog.objects.filter(enterprise_customer=OuterRef("enterprise_customer"))
    changing = catalogs.filter(Q(modified__gt=settled) | Q(enterprise_catalog_query__modified__gt=settled))
    rows = DefaultEnterpriseEnrollmentIntention.objects.filter(~Exists(changing.order_by()))
    customers = list(rows.order_by("enterprise_customer").values_list("enterprise_customer", flat=True).distinct())
    for first in range(0, len(customers), batch_size):
        among = customers[first : first + batch_size]
        intentions = list(rows.filter(enterprise_customer__uuid__in_set=among).order_by("created", "pk"))
        resolved = resolve({intention.content_key for intention in intentions})
        runs = {key: found.run.row.pk for key, found in resolved.items() if found.run is not None}
        held = runs_in_catalogs(among, set(runs.values()))
        outside = [
            each
            for each in intentions
            if not held.get(each.enterprise_customer_id, {}).get(runs.get(each.content_key, ""))
        ]
        yield Checked(len(intentions), outside)


def _entitlement_price(run: Run) -> float | int | None:
    """The price of the first entitlement of the run's course that has one."""
    for entitlement in run.row.course.entitlements if run.row.course else ():
        try:
            price = Decimal(str(entitlement["price"]))
        except (ArithmeticError, KeyError, TypeError):
            continue
        if price.is_finite():
            return int(price) if price == price.to_integral_value() else float(price)
    return None


# --- Where a learner stands -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Existing:
    """A learner's enterprise enrollment in a run, with the mode and activity of the plain one.

    Args:
        mode: None without a plain enrollment.
    """

    unenrolled: bool
    mode: str | None
    is_active: bool

    @property
    def is_audit(self) -> bool | None:
        return None if self.mode is None else is_audit_mode(self.mode)


class Standing(NamedTuple):
    """Where a learner stands with one intention; `existing` is the enrollment that the answer shows."""

    facts: IntentionFacts
    existing: Existing | None


@dataclass(frozen=True, slots=True)
class LearnerStatus:
    """A customer's intentions as they stand for one learner: each in exactly one of the lists, in their order."""

    enrollable: list[Standing] = field(default_factory=list)
    not_enrollable: list[Standing] = field(default_factory=list)
    already_enrolled: list[Standing] = field(default_factory=list)


def learner_status(link: EnterpriseCustomerUser) -> LearnerStatus:
    """Where a learner stands with the intentions of a customer; twelve statements at most.

    Contract: enterprise-learners, GET learner-status, Classification.
    """
    facts = intention_facts(list(intentions_of(link.enterprise_customer_id)))
    existing = _existing(link, {each.run_key for each in facts if each.run_key is not None})
    status = LearnerStatus()
    for each in facts:
        name, shown = _classified(each, existing.get(each.run_key) if each.run_key else None)
        getattr(status, name).append(Standing(each, shown))
    return status


def is_audit_mode(mode: str) -> bool:
    """Whether a mode is one of setting ENTERPRISE_COURSE_ENROLLMENT_AUDIT_MODES."""
    return mode in settings.ENTERPRISE_COURSE_ENROLLMENT_AUDIT_MODES


def _classified(facts: IntentionFacts, existing: Existing | None) -> tuple[str, Existing | None]:
    """The list, and the enrollment that is shown there: the contract's eight rules, the first that fits.

    A learner has one enterprise enrollment per customer and run: in an audit mode or not, never both.
    """
    audit = existing if existing is not None and existing.is_audit else None
    other = None if audit is not None else existing
    if other is not None and other.is_active:
        return "already_enrolled", other
    if other is not None and other.unenrolled:
        return "not_enrollable", other
    if not facts.is_enrollable:
        return "not_enrollable", audit
    if audit is not None and facts.best_mode is not None and not is_audit_mode(facts.best_mode):
        return ("enrollable" if facts.catalogs else "not_enrollable"), audit
    if audit is not None and audit.is_active:
        return "already_enrolled", audit
    return ("enrollable" if facts.catalogs else "not_enrollable"), existing


def _existing(link: EnterpriseCustomerUser, run_keys: Collection[str]) -> dict[str, Existing]:
    """Run key -> the learner's enterprise enrollment for the link's customer. One statement."""
    if not run_keys:
        return {}
    plain = CourseEnrollment.objects.filter(user_id=link.user_id, course_id=OuterRef("course_id")).order_by()
    rows = EnterpriseCourseEnrollment.objects.filter(enterprise_customer_user=link, course_id__in_set=run_keys)
    return {
        key: Existing(bool(unenrolled), mode, bool(is_active))
        for key, unenrolled, mode, is_active in rows.values_list(
            "course_id", "unenrolled", Subquery(plain.values("mode")), Subquery(plain.values("is_active"))
        )
    }
