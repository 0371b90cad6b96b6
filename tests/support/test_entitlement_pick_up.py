"""An enrollment that comes into a paid mode takes up the entitlement that pays for it."""

from __future__ import annotations

import pytest

from enrollments.models import CourseMode
from support.models import CourseEntitlement
from support.services.entitlements import pick_up_entitlement
from tests.factories import CourseEntitlementFactory, EntitlementPolicyFactory, UserFactory
from tests.support.scenes import ago, enrolled, run_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return run_with("audit", "verified")


def entitled(enrollment, run, **fields) -> CourseEntitlement:
    return CourseEntitlementFactory(user=enrollment.user, course_uuid=run.course.uuid, **fields)


def test_the_entitlement_of_the_mode_is_linked(run) -> None:
    enrollment = enrolled(run, mode="verified")
    entitlement = entitled(enrollment, run)
    assert pick_up_entitlement(enrollment) == entitlement
    entitlement.refresh_from_db()
    assert entitlement.enrollment_course_run == enrollment
    assert entitlement.history.count() == 2


def test_the_newest_one_is_linked(run) -> None:
    enrollment = enrolled(run, mode="verified")
    newest = entitled(enrollment, run, created=ago(2))
    entitled(enrollment, run, created=ago(3))
    assert pick_up_entitlement(enrollment) == newest


def test_without_an_entitlement_nothing_happens(run) -> None:
    assert pick_up_entitlement(enrolled(run, mode="verified")) is None


@pytest.mark.parametrize(
    "fields", [{"expired_at": ago(1)}, {"created": ago(731)}, {"mode": "professional"}], ids=["expired", "old", "mode"]
)
def test_one_that_is_expired_too_old_or_of_another_mode_is_left_alone(run, fields) -> None:
    enrollment = enrolled(run, mode="verified")
    entitled(enrollment, run, **fields)
    assert pick_up_entitlement(enrollment) is None


def test_its_policy_says_how_old_it_may_be(run) -> None:
    enrollment = enrolled(run, mode="verified")
    policy = EntitlementPolicyFactory(expiration_period=ago(0) - ago(5))
    entitled(enrollment, run, created=ago(6), policy=policy)
    assert pick_up_entitlement(enrollment) is None


def test_one_that_is_used_already_is_left_alone(run) -> None:
    enrollment = enrolled(run, mode="verified")
    other = enrolled(run_with("verified", course=run.course), enrollment.user, mode="verified")
    used = entitled(enrollment, run, enrollment_course_run=other)
    assert pick_up_entitlement(enrollment) is None
    used.refresh_from_db()
    assert used.enrollment_course_run == other


def test_one_of_another_learner_or_course_is_left_alone(run) -> None:
    enrollment = enrolled(run, mode="verified")
    CourseEntitlementFactory(user=UserFactory(), course_uuid=run.course.uuid)
    CourseEntitlementFactory(user=enrollment.user)
    assert pick_up_entitlement(enrollment) is None


def test_a_run_without_a_start_takes_none() -> None:
    run = run_with("audit", "verified", start=None)
    enrollment = enrolled(run, mode="verified")
    entitled(enrollment, run)
    assert pick_up_entitlement(enrollment) is None


def test_an_expired_or_free_mode_takes_none(run) -> None:
    enrollment = enrolled(run, mode="verified")
    entitled(enrollment, run)
    CourseMode.objects.filter(mode_slug="verified").update(min_price=0)
    assert pick_up_entitlement(enrollment) is None
    CourseMode.objects.filter(mode_slug="verified").update(min_price=9, expiration_datetime=ago(1))
    assert pick_up_entitlement(enrollment) is None


def test_an_inactive_enrollment_takes_one_while_enrollment_is_open_only(run) -> None:
    enrollment = enrolled(run, mode="verified", is_active=False)
    entitlement = entitled(enrollment, run)
    run.enrollment_end = ago(1)
    run.save()
    assert pick_up_entitlement(enrollment) is None
    run.enrollment_end = None
    run.save()
    assert pick_up_entitlement(enrollment) == entitlement


def test_a_run_that_is_gone_or_of_no_course_takes_none(run) -> None:
    enrollment = enrolled(run, mode="verified")
    entitled(enrollment, run)
    run.course = None
    run.save()
    assert pick_up_entitlement(enrollment) is None
    run.delete()
    assert pick_up_entitlement(enrollment) is None
