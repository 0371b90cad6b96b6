"""Bulk engine: the plain enrollment (contract: enterprise-learners)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from config.api.exceptions import Refusal
from enrollments.models import CourseEnrollment, CourseEnrollmentAllowed, CourseMode, User
from enrollments.signals import enrollments_changed
from enterprise.models import PendingEnrollment
from tests.enterprise.bulk import SEEN, SUCCEEDED, enroll, enterprise_enrollment, failed, link, plain, row, states
from tests.factories import (
    CourseAccessRoleFactory,
    CourseEnrollmentAllowedFactory,
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_a_new_enrollment_is_active_in_the_best_mode(customer, run, mia):
    assert states(enroll(customer, row(run, mia))) == [SUCCEEDED]

    made = CourseEnrollment.objects.get(user=mia)
    assert (made.course_id, made.mode, made.is_active) == (run.pk, "verified", True)
    assert made.history.get().history_type == "+"


@pytest.mark.parametrize(
    ("slugs", "best"),
    [
        (["honor", "audit"], "audit"),
        (["professional", "no-id-professional", "audit"], "professional"),
        (["unpaid-executive-education"], "unpaid-executive-education"),
        ([], "audit"),
    ],
)
def test_the_best_mode_is_the_first_of_the_contracts_list_that_the_run_has(customer, mia, slugs, best):
    offered = CourseRunFactory(modes=slugs)

    done = enroll(customer, row(offered, mia), row(offered, email="new@learners.example"))

    assert [each.course_mode for each in done] == [best, best]
    assert plain(mia, offered) == (best, True)
    assert PendingEnrollment.objects.get().course_mode == best


def test_an_expired_best_mode_makes_every_change_fail(customer, mia):
    run = CourseRunFactory(modes=["audit"])
    CourseModeFactory(course_id=run.pk, mode_slug="verified", expired=True)
    leo = UserFactory()
    CourseEnrollmentFactory(user=leo, course_id=run.pk, mode="audit")

    done = enroll(customer, row(run, mia, force_enrollment=True), row(run, leo))

    assert states(done) == [failed("mode-unavailable")] * 2
    assert plain(leo, run) == ("audit", True)


def test_a_learner_already_active_in_the_mode_is_left_untouched(customer, run, mia):
    CourseEnrollmentFactory(user=mia, course_id=run.pk, mode="verified")
    CourseMode.objects.filter(course_id=run.pk).update(expiration_datetime=timezone.now() - timedelta(days=1))

    done = enroll(customer, row(run, mia))

    assert states(done) == [SEEN]
    assert CourseEnrollment.objects.get(user=mia).history.count() == 1
    assert enterprise_enrollment(customer, mia, run) is not None


@pytest.mark.parametrize(("mode", "is_active"), [("audit", True), ("verified", False), ("audit", False)])
def test_another_mode_or_an_inactive_enrollment_is_changed_whatever_the_window_and_seats(
    customer, mia, mode, is_active
):
    run = CourseRunFactory(
        closed=True, invitation_only=True, max_student_enrollments_allowed=0, modes=["audit", "verified"]
    )
    before = CourseEnrollmentFactory(user=mia, course_id=run.pk, mode=mode, is_active=is_active)

    done = enroll(customer, row(run, mia))

    assert states(done) == [SUCCEEDED]
    assert plain(mia, run) == ("verified", True)
    assert before.history.first().history_type == "~"


@pytest.mark.parametrize("facts", [{"closed": True}, {"invitation_only": True}])
def test_a_closed_run_takes_learners_by_force_only(customer, mia, facts):
    run = CourseRunFactory(modes=["audit"], **facts)

    first = enroll(customer, row(run, mia))
    second = enroll(customer, row(run, mia, force_enrollment=True))

    assert states(first + second) == [failed("enrollment-closed"), SUCCEEDED]


def test_a_run_that_has_not_opened_yet_is_closed(customer, mia):
    run = CourseRunFactory(modes=["audit"], enrollment_start=timezone.now() + timedelta(days=1))

    assert states(enroll(customer, row(run, mia))) == [failed("enrollment-closed")]


def test_an_allowance_opens_a_closed_run_and_is_used_up(customer, mia):
    run = CourseRunFactory(closed=True, modes=["audit"])
    CourseEnrollmentAllowedFactory(email=mia.email, course_id=run.pk)

    assert states(enroll(customer, row(run, mia))) == [SUCCEEDED]
    assert CourseEnrollmentAllowed.objects.get().user_id == mia.pk


def test_an_allowance_that_another_account_used_closes_even_an_open_run(customer, run, mia):
    CourseEnrollmentAllowedFactory(email=mia.email, course_id=run.pk, user=UserFactory())

    done = enroll(customer, row(run, mia), row(run, mia, force_enrollment=True))

    assert states(done) == [failed("enrollment-closed"), SUCCEEDED]


def test_an_allowance_yields_to_a_closed_window_where_the_service_says_so(customer, mia, settings):
    settings.DISABLE_ALLOWED_ENROLLMENT_IF_ENROLLMENT_CLOSED = True
    run = CourseRunFactory(closed=True, modes=["audit"])
    CourseEnrollmentAllowedFactory(email=mia.email, course_id=run.pk)

    assert states(enroll(customer, row(run, mia))) == [failed("enrollment-closed")]


@pytest.mark.parametrize(
    ("role", "course_id", "org"), [("staff", "run", "Acme"), ("instructor", "run", "Acme"), ("staff", "", "Acme")]
)
def test_staff_of_the_run_or_its_organisation_may_enter_a_closed_run(customer, mia, role, course_id, org):
    run = CourseRunFactory(closed=True, modes=["audit"])
    CourseAccessRoleFactory(user=mia, role=role, org=org, course_id=run.pk if course_id else "")
    leo = UserFactory()
    CourseAccessRoleFactory(user=leo, role="staff", org="Other", course_id="")

    done = enroll(customer, row(run, mia), row(run, leo), row(run, UserFactory(staff=True)))

    assert states(done) == [SUCCEEDED, failed("enrollment-closed"), SUCCEEDED]


def test_a_run_is_never_filled_beyond_its_seats_in_the_order_of_rows(customer):
    run = CourseRunFactory(max_student_enrollments_allowed=3, modes=["audit"])
    CourseEnrollmentFactory(course_id=run.pk)
    CourseEnrollmentFactory(course_id=run.pk, is_active=False)
    assistant = UserFactory()
    CourseAccessRoleFactory(user=assistant, course_id=run.pk, role="instructor")
    back_again = CourseEnrollmentFactory(course_id=run.pk, is_active=False).user
    first, second = UserFactory(), UserFactory()

    done = enroll(
        customer,
        row(run, assistant),
        row(run, back_again),
        row(run, first),
        row(run, second, force_enrollment=True),
        row(run, first, transaction_id=uuid4()),
    )

    assert states(done) == [SUCCEEDED, SUCCEEDED, SUCCEEDED, failed("course-full"), SEEN]


def test_unknown_runs_and_malformed_keys_are_failures(customer, mia):
    keys = ["course-v1:No+Such+Run", "nonsense", "library-v1:Acme+Lib", f"course-v1:A+B+{'x' * 300}"]

    done = enroll(customer, *(row(key, mia) for key in keys))

    assert states(done) == [failed("unknown-course-run"), *[failed("invalid-course-key")] * 3]
    assert link(customer, mia).linked


def test_a_rule_of_the_deployment_may_keep_a_learner_out(customer, run, mia, settings):
    settings.PRE_ENROLL_CHECKS = [f"{__name__}.only_leo"]
    leo = UserFactory(username="leo")

    done = enroll(customer, row(run, mia), row(run, leo))

    assert states(done) == [failed("enrollment-vetoed"), SUCCEEDED]


def only_leo(learner: User, course_id: str, mode: str) -> None:
    if learner.username != "leo":
        raise Refusal("Leo's course.")


def test_other_apps_hear_of_the_chunks_changes_in_one_signal(customer, run, mia):
    leo, ann = UserFactory(), UserFactory()
    CourseEnrollmentFactory(user=leo, course_id=run.pk, mode="audit", is_active=False)
    CourseEnrollmentFactory(user=ann, course_id=run.pk, mode="verified")
    heard: list[tuple[str, list[Any]]] = []

    def listen(changes: list[Any], origin: str, **kwargs: Any) -> None:
        heard.append((origin, changes))

    enrollments_changed.connect(listen)
    try:
        enroll(customer, row(run, mia), row(run, leo), row(run, ann))
    finally:
        enrollments_changed.disconnect(listen)

    ((origin, changes),) = heard
    assert origin == "enterprise"
    assert {(c.user_id, c.created, c.activated, c.mode_changed) for c in changes} == {
        (mia.pk, True, True, False),
        (leo.pk, False, True, True),
    }
    assert all(c.is_active and c.mode == "verified" and c.course_id == run.pk for c in changes)
