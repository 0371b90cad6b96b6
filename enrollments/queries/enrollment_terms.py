"""Until when an enrollment can be upgraded or paid back (contract: enrollment-api, CourseEnrollment)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from enrollments.models import CourseEnrollment, CourseMode, CourseOverview, GeneratedCertificate

UPGRADEABLE_MODES = ("audit", "honor")
UPGRADES_LEAD_TO = ("professional", "verified")  # the first that a run offers
PERSONALISED_DAYS = 21  # after the enrollment, or after the run's start where that is later


def upgrade_deadline(enrollment: CourseEnrollment) -> datetime | None:
    """When the chance to upgrade ends; None when there is none, or when it does not end.

    It is the end of the mode to upgrade to. With PERSONALISED_UPGRADE_DEADLINES self-paced runs have an earlier one.
    """
    if enrollment.mode not in UPGRADEABLE_MODES:
        return None
    now = timezone.now()
    modes = CourseMode.objects.filter(course_id=enrollment.course_id, mode_slug__in=UPGRADES_LEAD_TO).order_by("id")
    ends = {
        slug: end for slug, end in modes.values_list("mode_slug", "expiration_datetime") if end is None or end >= now
    }
    offered = [slug for slug in UPGRADES_LEAD_TO if slug in ends]
    if not offered:
        return None
    end = ends[offered[0]]
    run = CourseOverview.objects.filter(pk=enrollment.course_id).first()
    if not settings.PERSONALISED_UPGRADE_DEADLINES or run is None or not run.self_paced:
        return end
    try:
        own = max(enrollment.created, run.start or enrollment.created) + timedelta(days=PERSONALISED_DAYS)
    except OverflowError:  # a start at the end of all dates stands for "not yet"
        return end
    deadline = min(own, end or own)
    return deadline if deadline >= now else None


def is_refundable(enrollment: CourseEnrollment) -> bool:
    """Whether what was paid for an enrollment can be paid back now (setting REFUND_WINDOW_DAYS)."""
    place = {"course_id": enrollment.course_id}
    certificates = GeneratedCertificate.objects.filter(user_id=enrollment.user_id, **place)
    if certificates.filter(status__in=GeneratedCertificate.NON_REFUNDABLE_STATUSES).exists():
        return False
    if not CourseMode.objects.filter(mode_slug="verified", **place).exists():
        return False
    begun = _refund_window_start(enrollment)
    return begun is not None and timezone.now() - timedelta(days=settings.REFUND_WINDOW_DAYS) < begun


def _refund_window_start(enrollment: CourseEnrollment) -> datetime | None:
    """The order's date, or the run's start where that is later; None without an order, or when neither is known."""
    order = dict(enrollment.attributes.filter(namespace="order").order_by("id").values_list("name", "value"))
    if not ("date_placed" in order or "order_number" in order):
        return None
    start = CourseOverview.objects.filter(pk=enrollment.course_id).values_list("start", flat=True).first()
    known = [moment for moment in (_moment(order.get("date_placed", "")), start) if moment is not None]
    return max(known, default=None)


def _moment(text: str) -> datetime | None:
    """A point in time as an order service writes it, in UTC unless it says otherwise; None for anything else."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
