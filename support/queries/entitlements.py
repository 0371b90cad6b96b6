"""Entitlements: who reads which, how long they last, and which one an enrollment can use (contract: support, 4.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import CharField, Prefetch, Q, QuerySet
from django.utils import timezone

from config.db.reads import Given, KeptCount, KeptList, KeptPage, KeyedStatement, UuidText, WireTime
from config.db.sets import InPairs
from enrollments.models import CourseEnrollment, CourseOverview, GeneratedCertificate, User
from enrollments.queries.course_modes import Mode, modes_of
from enterprise.models.customers import own_site_id
from enterprise.queries.customers import parsed_uuid
from support.models import CourseEntitlement, CourseEntitlementPolicy, CourseEntitlementSupportDetail
from support.models.entitlements import EXPIRATION_PERIOD, REFUND_PERIOD, REGAIN_PERIOD

NO_UUID = "“%(value)s” is not a valid UUID."
UPGRADEABLE = ("audit", "honor")
AS_PROFESSIONAL = {"no-id-professional": "professional"}  # how policies see a mode

# --- Who reads which --------------------------------------------------------------------------------------------------


class UUIDListField(forms.CharField):
    """UUIDs with commas between."""

    def clean(self, value: Any) -> list[UUID]:
        items = [item.strip() for item in (value or "").split(",") if item.strip()]
        found = []
        for item in items:
            uuid = parsed_uuid(item)
            if uuid is None:
                raise ValidationError(NO_UUID, params={"value": item})
            found.append(uuid)
        return found


class UUIDListFilter(django_filters.Filter):
    field_class = UUIDListField


class EntitlementFilter(django_filters.FilterSet):
    """What a list of entitlements may be narrowed by."""

    user = django_filters.CharFilter(field_name="user__username", lookup_expr="exact", strip=False)
    uuid = UUIDListFilter(field_name="uuid", lookup_expr="in_set")
    course_uuid = UUIDListFilter(field_name="course_uuid", lookup_expr="in_set")
    expired_at__isnull = django_filters.BooleanFilter(field_name="expired_at", lookup_expr="isnull")


def of_everybody() -> QuerySet[CourseEntitlement]:
    """All entitlements with what answers show of them: two statements, however many are read."""
    details = CourseEntitlementSupportDetail.objects.select_related("support_user").order_by("-created", "-id")
    rows = CourseEntitlement.objects.select_related("user", "enrollment_course_run").order_by("id")
    return rows.prefetch_related(Prefetch("support_details", details))


def of_learner(account_id: int) -> QuerySet[CourseEntitlement]:
    """The entitlements of one learner, with what answers show of them."""
    return of_everybody().filter(user_id=account_id)


class ListedDetail(NamedTuple):
    """What an agent did with an entitlement; `support_user` is None when that agent's account is gone."""

    support_user: str | None
    action: str
    comments: str | None
    unenrolled_run: str | None
    created: str


class ListedEntitlement(NamedTuple):
    """An entitlement as lists show it; moments as answers write them, the newest detail first."""

    user: str
    uuid: str
    course_uuid: str
    enrollment_course_run: str | None
    expired_at: str | None
    created: str
    modified: str
    mode: str
    refund_locked: bool
    order_number: str | None
    support_details: list[ListedDetail]


def of_named(username: str) -> KeptList:
    """Those of the account with this user name, as `pageable` gives them, for a paginator."""
    return KeptList(_named_page, _named_number, username=username)


def _named() -> QuerySet[CourseEntitlement]:
    return CourseEntitlement.objects.filter(user__username=Given("username", CharField())).order_by("id")


_named_page, _named_number = KeptPage(lambda: pageable(_named())), KeptCount(lambda: _named().values_list("pk"))


def pageable(rows: QuerySet[CourseEntitlement]) -> QuerySet[Any, Any]:
    """What a paginator takes: tuples for `listed`."""
    moments = (WireTime(name) for name in ("expired_at", "created", "modified"))
    columns = ("pk", "user__username", UuidText("uuid"), UuidText("course_uuid"), "enrollment_course_run__course_id")
    plain = rows.select_related(None).prefetch_related(None)
    return plain.values_list(*columns, *moments, "mode", "refund_locked", "order_number")


def listed(page: Sequence[tuple[Any, ...]]) -> list[ListedEntitlement]:
    """The entitlements of a page with their details. One statement."""
    details: defaultdict[int, list[ListedDetail]] = defaultdict(list)
    for pk, *values in _detail_rows([row[0] for row in page]):
        details[pk].append(ListedDetail._make(values))
    return [ListedEntitlement._make([*row[1:], details[row[0]]]) for row in page]


_detail_rows = KeyedStatement(
    lambda ids: (
        CourseEntitlementSupportDetail.objects.filter(entitlement__id__in_set=ids)
        .order_by("-created", "-id")
        .values_list(
            "entitlement_id", "support_user__username", "action", "comments", "unenrolled_run", WireTime("created")
        )
    )
)


# --- How long they last -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be done with an entitlement at a moment (contract: support, Data model).

    Args:
        days_left: until it expires; negative once it should have.
        is_redeemable: the learner can enroll with it.
        is_regainable: the learner can leave the run and choose another one.
        is_refundable: its price can be paid back.
        has_lapsed: it is not marked as expired, and its time is over.
    """

    days_left: int
    is_redeemable: bool
    is_regainable: bool
    is_refundable: bool
    has_lapsed: bool


def standings(entitlements: Collection[CourseEntitlement], moment: datetime | None = None) -> dict[int, Standing]:
    """The standing of each entitlement, by its primary key; three statements at most, however many there are."""
    moment = moment or timezone.now()
    policies = CourseEntitlementPolicy.objects.in_bulk({row.policy_id for row in entitlements if row.policy_id})
    linked = [row.enrollment_course_run for row in entitlements if row.enrollment_course_run is not None]
    starts = _starts_of({enrollment.course_id for enrollment in linked})
    certified = _certified({(enrollment.user_id, enrollment.course_id) for enrollment in linked})
    return {row.pk: _standing(row, policies.get(row.policy_id or 0), starts, certified, moment) for row in entitlements}


def _standing(
    row: CourseEntitlement,
    policy: CourseEntitlementPolicy | None,
    starts: dict[str, datetime | None],
    certified: set[tuple[int, str]],
    moment: datetime,
) -> Standing:
    expires_after = policy.expiration_period if policy else EXPIRATION_PERIOD
    age = (moment - row.created).days
    days_left = (row.created + expires_after - moment).days
    enrollment, is_expired = row.enrollment_course_run, row.expired_at is not None
    is_regainable = False
    if enrollment is not None:
        regained_within = policy.regain_period if policy else REGAIN_PERIOD
        begins = (starts.get(enrollment.course_id), enrollment.created, row.created)
        days_in_run = min((moment - begin).days for begin in begins if begin is not None)
        days_left = min(days_left, regained_within.days - days_in_run)
        has_certificate = (enrollment.user_id, enrollment.course_id) in certified
        is_regainable = not is_expired and not has_certificate and days_left >= 0
    refunded_within: timedelta = policy.refund_period if policy else REFUND_PERIOD
    is_kept = row.refund_locked or is_expired or not row.order_number or age > refunded_within.days
    return Standing(
        days_left=days_left,
        is_redeemable=age < expires_after.days and enrollment is None and not is_expired,
        is_regainable=is_regainable,
        is_refundable=not is_kept and (enrollment is None or is_regainable),
        has_lapsed=not is_expired and (days_left < 0 or (enrollment is not None and not is_regainable)),
    )


def _starts_of(run_ids: Collection[str]) -> dict[str, datetime | None]:
    if not run_ids:
        return {}
    return dict(CourseOverview.objects.filter(pk__in_set=run_ids).order_by().values_list("pk", "start"))


def _certified(places: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of the places (account id, run key) with a certificate that rules out a refund."""
    if not places:
        return set()
    rows = GeneratedCertificate.objects.filter(
        InPairs("user_id", "course_id", places), status__in=GeneratedCertificate.NON_REFUNDABLE_STATUSES
    )
    return set(rows.order_by().values_list("user_id", "course_id"))


def policy_for(mode: str) -> CourseEntitlementPolicy | None:
    """The policy for a new entitlement of a mode, None where the defaults hold; a match of the site counts most."""
    site = own_site_id()
    fits = Q(site=site) | Q(site__isnull=True), Q(mode=AS_PROFESSIONAL.get(mode, mode)) | Q(mode__isnull=True)
    found = list(CourseEntitlementPolicy.objects.filter(*fits).order_by("-id"))
    return max(found, key=lambda policy: (policy.site_id is not None, policy.mode is not None), default=None)


# --- Which one an enrollment can use ----------------------------------------------------------------------------------


def usable_for(
    enrollment: CourseEnrollment, candidates: Callable[[UUID], Sequence[CourseEntitlement]]
) -> CourseEntitlement | None:
    """The newest entitlement of the learner for the course that is redeemable and of the enrollment's mode, if the run
    has a start, the mode is an unexpired paid one there, and the learner is in it or enrollment is open.

    Args:
        candidates: from the uuid of the course to entitlements, the newest first.
    """
    run = CourseOverview.objects.select_related("course").filter(pk=enrollment.course_id).first()
    if run is None or run.course is None or run.start is None:
        return None
    if not (enrollment.is_active or run.enrollment_is_open):
        return None
    if not any(_is_sold(mode, enrollment.mode) for mode in modes_of([run.pk]).get(run.pk, ())):
        return None
    found = candidates(run.course.uuid)
    standing = standings(found)
    return next((row for row in found if standing[row.pk].is_redeemable), None)


def _is_sold(mode: Mode, slug: str) -> bool:
    return mode.slug == slug and mode.min_price > 0 and not mode.is_expired


def upgradeable_enrollments(learner: User, course_uuid: UUID, mode: str) -> list[CourseEnrollment]:
    """The learner's active free enrollments in runs of a course that offer the mode now; two statements."""
    runs = CourseOverview.objects.filter(course__uuid=course_uuid).values("pk")
    free = CourseEnrollment.objects.filter(user=learner, is_active=True, mode__in=UPGRADEABLE, course_id__in=runs)
    found = list(free.order_by("id"))
    offers = modes_of([enrollment.course_id for enrollment in found]) if found else {}
    return [
        enrollment
        for enrollment in found
        if any(each.slug == mode and not each.is_expired for each in offers.get(enrollment.course_id, ()))
    ]
