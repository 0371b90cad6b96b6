"""Bulk engine: learners without an account (contract: enterprise-learners)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from enterprise.models import EnterpriseCustomer, PendingEnrollment, PendingEnterpriseCustomerUser
from tests.enterprise.bulk import PENDING, PENDING_SEEN, enroll, failed, row, states
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory, PendingEnrollmentFactory, PendingLearnerFactory

pytestmark = pytest.mark.django_db


def _waiting(customer: EnterpriseCustomer, run: Any, **values: Any) -> PendingEnrollment:
    return PendingEnrollmentFactory(
        user=PendingLearnerFactory(enterprise_customer=customer), course_id=run.pk, **values
    )


def test_an_address_without_account_waits_as_pending_learner_and_enrollment(customer, run):
    license_uuid = uuid4()

    (done,) = enroll(customer, row(run, email="New.One@learners.example", license_uuid=license_uuid))

    assert (done.state, done.created, done.email) == ("pending", True, "new.one@learners.example")
    waiting = PendingEnrollment.objects.get()
    assert waiting.user.user_email == "New.One@learners.example"
    assert (waiting.course_id, waiting.course_mode, waiting.license_uuid) == (run.pk, "verified", license_uuid)
    assert (waiting.discount_percentage, waiting.source.slug) == (Decimal(100), "customer_admin")
    assert (waiting.cohort_name, waiting.sales_force_id, waiting.transaction_id) == (None, None, None)
    assert waiting.history.get().history_type == waiting.user.history.get().history_type == "+"


def test_pending_learners_are_one_whatever_the_case(customer, run):
    PendingLearnerFactory(enterprise_customer=customer, user_email="ANN@learners.example")
    other = CourseRunFactory(modes=["audit"])

    done = enroll(
        customer,
        row(run, email="Ann@learners.example"),
        row(other, email="ann@Learners.Example"),
        row(run, email="Bob@learners.example"),
        row(other, email="bob@learners.example"),
    )

    assert states(done) == [PENDING] * 4
    addresses = PendingEnterpriseCustomerUser.objects.values_list("user_email", flat=True)
    assert sorted(addresses) == ["ANN@learners.example", "Bob@learners.example"]


def test_runs_are_not_looked_at_for_pending_learners(customer):
    closed = CourseRunFactory(closed=True)

    done = enroll(
        customer, row(closed, email="a@learners.example"), row("course-v1:No+Such+Run", email="b@learners.example")
    )

    assert states(done) == [PENDING] * 2


@pytest.mark.parametrize("stored_license", [True, False])
def test_a_pending_enrollment_with_another_license_or_none_is_a_conflict(customer, run, stored_license):
    waiting = _waiting(customer, run, license_uuid=uuid4() if stored_license else None)

    done = enroll(customer, row(run, email=waiting.user.user_email.upper()))

    assert states(done) == [failed("subsidy-conflict")]
    assert done[0].account_id is None
    waiting.refresh_from_db()
    assert waiting.history.count() == 1


def test_a_transaction_for_an_enrollment_that_waits_with_a_license_is_a_conflict(customer, run):
    waiting = _waiting(customer, run, license_uuid=uuid4())

    assert states(enroll(customer, row(run, email=waiting.user.user_email, transaction_id=uuid4()))) == [
        failed("subsidy-conflict")
    ]


def test_another_transaction_replaces_the_one_of_a_pending_enrollment(customer, run):
    waiting = _waiting(
        customer, run, transaction_id=uuid4(), course_mode="audit", cohort_name="blue", sales_force_id="7"
    )
    latest = uuid4()

    done = enroll(customer, row(run, email=waiting.user.user_email, transaction_id=latest))

    assert states(done) == [PENDING_SEEN]
    waiting.refresh_from_db()
    assert (waiting.transaction_id, waiting.course_mode, waiting.discount_percentage) == (
        latest,
        "verified",
        Decimal(100),
    )
    assert (waiting.cohort_name, waiting.sales_force_id, waiting.source.slug) == (None, None, "customer_admin")
    assert waiting.history.first().history_type == "~"


def test_rows_of_one_pending_learner_and_run_are_worked_in_order(customer, run):
    first, last = uuid4(), uuid4()
    address = "new@learners.example"

    done = enroll(
        customer,
        row(run, email=address, transaction_id=first),
        row(run, email=address.upper(), transaction_id=last),
        row(run, email=address),
    )

    assert states(done) == [PENDING, PENDING_SEEN, failed("subsidy-conflict")]
    assert PendingEnrollment.objects.get().transaction_id == last


def test_pending_learners_of_another_customer_are_not_touched(customer, run):
    other = _waiting(EnterpriseCustomerFactory(), run, license_uuid=uuid4())

    assert states(enroll(customer, row(run, email=other.user.user_email))) == [PENDING]
    assert PendingEnrollment.objects.count() == 2
