"""Upgrade deadline and refundability of an enrollment (contract: enrollment-api, CourseEnrollment)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from enrollments.models import CourseEnrollment, CourseOverview
from enrollments.queries.enrollment_terms import is_refundable, upgrade_deadline
from tests.factories import (
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    GeneratedCertificateFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def day(number: int) -> datetime:
    """Noon so many days from today."""
    return timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=number)


def self_paced(**fields: Any) -> CourseOverview:
    run: CourseOverview = CourseRunFactory(self_paced=True, **fields)
    CourseModeFactory(course_id=run.pk, expiration_datetime=day(90))
    return run


def ordered(start: datetime | None, **attributes: str) -> CourseEnrollment:
    """An enrollment in a run with a verified mode, with facts about its order."""
    run = CourseRunFactory(start=start)
    CourseModeFactory(course_id=run.pk, expired=True)
    enrollment: CourseEnrollment = CourseEnrollmentFactory(course_id=run.pk, mode="verified")
    for name, value in attributes.items():
        enrollment.attributes.create(namespace="order", name=name, value=value)
    return enrollment


# --- Upgrade deadline -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "has_one"), [("audit", True), ("honor", True), ("verified", False)])
def test_the_upgrade_deadline_is_null_unless_the_mode_is_audit_or_honor(mode: str, has_one: bool) -> None:
    run = self_paced()
    deadline = upgrade_deadline(CourseEnrollmentFactory(course_id=run.pk, mode=mode))
    assert deadline == (day(90) if has_one else None)


def test_it_is_the_expiration_of_the_professional_or_verified_mode_if_unexpired() -> None:
    late, bare, professional = CourseRunFactory(), CourseRunFactory(), self_paced()
    CourseModeFactory(course_id=late.pk, expired=True)
    CourseModeFactory(course_id=professional.pk, mode_slug="professional")  # never expires, and comes first
    for run in (late, bare, professional):
        assert upgrade_deadline(CourseEnrollmentFactory(course_id=run.pk)) is None


@pytest.mark.parametrize(
    ("created", "start", "wanted"),
    [(-5, -30, 16), (-5, 3, 24), (-30, -60, None), (80, -30, 90)],
    ids=["from the enrollment", "from the start", "null if past", "the mode ends earlier"],
)
def test_with_the_feature_on_self_paced_runs_have_a_personalised_date(
    settings: Any, created: int, start: int, wanted: int | None
) -> None:
    run = self_paced(start=day(start))
    enrollment = CourseEnrollmentFactory(course_id=run.pk, created=day(created))
    assert upgrade_deadline(enrollment) == day(90)
    settings.PERSONALISED_UPGRADE_DEADLINES = True
    assert upgrade_deadline(enrollment) == (None if wanted is None else day(wanted))


def test_the_feature_leaves_runs_alone_that_are_instructor_paced_gone_or_never_start(settings: Any) -> None:
    settings.PERSONALISED_UPGRADE_DEADLINES = True
    led, gone, never = self_paced(), self_paced(), self_paced(start=datetime(9999, 12, 31, tzinfo=UTC))
    CourseOverview.objects.filter(pk=led.pk).update(self_paced=False)
    CourseOverview.objects.filter(pk=gone.pk).delete()
    for run in (led, gone, never):
        assert upgrade_deadline(CourseEnrollmentFactory(course_id=run.pk)) == day(90)


# --- Refundability --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "placed", "refundable"),
    [(-30, -5, True), (-30, -15, False), (-5, -60, True), (None, -5, True), (None, -15, False)],
)
def test_the_window_begins_with_the_order_or_the_run_whichever_is_later(
    start: int | None, placed: int, refundable: bool
) -> None:
    enrollment = ordered(None if start is None else day(start), date_placed=day(placed).isoformat())
    assert is_refundable(enrollment) is refundable


def test_the_window_is_a_setting(settings: Any) -> None:
    enrollment = ordered(day(-30), date_placed=day(-15).strftime("%Y-%m-%dT%H:%M:%S"))
    settings.REFUND_WINDOW_DAYS = 20
    assert is_refundable(enrollment)


@pytest.mark.parametrize("date", [{}, {"date_placed": "soon"}, {"date_placed": "2024-13-45T00:00:00"}])
def test_an_order_without_a_stored_date_counts_from_the_runs_start(date: dict[str, str]) -> None:
    assert is_refundable(ordered(day(-5), order_number="1", **date))
    assert not is_refundable(ordered(day(-20), order_number="1", **date))
    assert not is_refundable(ordered(None, order_number="1", **date))


def test_without_an_order_nothing_is_refundable() -> None:
    assert not is_refundable(ordered(day(-5)))


@pytest.mark.parametrize(("status", "refundable"), [("downloadable", False), ("unavailable", False), ("error", True)])
def test_a_certificate_in_a_non_refundable_status_ends_it(status: str, refundable: bool) -> None:
    enrollment = ordered(day(-5), order_number="1")
    GeneratedCertificateFactory(user=enrollment.user, course_id=enrollment.course_id, status=status)
    assert is_refundable(enrollment) is refundable


def test_the_run_must_have_a_verified_mode() -> None:
    enrollment = CourseEnrollmentFactory(course_id=CourseRunFactory(start=day(-5)).pk)
    enrollment.attributes.create(namespace="order", name="order_number", value="1")
    assert not is_refundable(enrollment)


def test_the_operators_page_of_an_enrollment_shows_both(client: Client) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    enrollment = CourseEnrollmentFactory(course_id=self_paced().pk)
    page = client.get(f"/admin/enrollments/courseenrollment/{enrollment.pk}/change/").content.decode()
    assert "Upgrade deadline" in page
    assert "Refundable" in page
    assert date_format(day(90), "DATETIME_FORMAT") in page
