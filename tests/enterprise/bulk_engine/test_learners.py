"""Bulk engine: who a row means, and the link with the customer (contract: enterprise-learners)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from enrollments.models import User
from enterprise.bulk.rows import RowInput
from enterprise.models import EnterpriseCustomer, PendingEnterpriseCustomerUser, SystemWideEnterpriseUserRoleAssignment
from enterprise.services import jobs
from tests.enterprise.bulk import PENDING, enroll, failed, invalid, link, plain, row, states, stored
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory, LearnerFactory, UserFactory

pytestmark = pytest.mark.django_db


def roles_of(account: User, customer: EnterpriseCustomer) -> list[str]:
    held = SystemWideEnterpriseUserRoleAssignment.objects.filter(user=account, enterprise_customer=customer)
    return list(held.values_list("role__name", flat=True))


def _row_of_id(run: Any, user_id: int, email: str) -> Any:
    return RowInput(user_id=user_id, email=email, course_run_key=run.pk, license_uuid=uuid4())


# --- Who a row means -------------------------------------------------------------------------------------------------


def test_the_accounts_address_takes_the_place_of_the_one_that_was_sent(customer, run, mia):
    (done,) = enroll(customer, row(run, mia, email="somebody-else@learners.example"))

    assert (done.account_id, done.email) == (mia.pk, "Mia.Ray@learners.example")
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_an_address_finds_its_account_ignoring_case(customer, run, mia):
    (done,) = enroll(customer, row(run, email="mia.ray@LEARNERS.example"))

    assert (done.state, done.account_id, done.email) == ("succeeded", mia.pk, "Mia.Ray@learners.example")


def test_an_unknown_id_drops_the_row_even_if_its_address_is_good(customer, run):
    (done,) = enroll(customer, _row_of_id(run, 990001, "good@learners.example"))

    assert states([done]) == [invalid("unknown-user-id")]
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_a_malformed_address_is_invalid_and_leaves_nothing_behind(customer, run):
    done = enroll(customer, row(run, email="not-an-email"), row(run, email=f"{'x' * 250}@learners.example"))

    assert states(done) == [invalid("invalid-email")] * 2
    assert done[0].given_email == "not-an-email"
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_an_account_whose_address_is_malformed_is_invalid(customer, run):
    service = UserFactory(email="")

    done = enroll(customer, row(run, service))

    assert states(done) == [invalid("invalid-email")]
    assert link(customer, service) is None


def test_a_barred_learner_is_invalid_in_every_row_and_stays_unlinked(customer, run, mia):
    LearnerFactory(enterprise_customer=customer, user=mia, linked=False, active=False, is_relinkable=False)
    other = CourseRunFactory(modes=["audit"])

    done = enroll(customer, row(run, mia), row(other, email=mia.email.upper()))

    assert states(done) == [invalid("not-relinkable")] * 2
    assert link(customer, mia).linked is False
    assert plain(mia, run) is None
    assert plain(mia, other) is None


def test_an_account_made_after_the_job_was_stored_is_found(customer, run):
    job = stored(customer, row(run, email="Late@learners.example"))
    late = UserFactory(email="late@learners.example")

    (done,) = jobs.run(job).rows.all()

    assert (done.state, done.account_id, done.email) == ("succeeded", late.pk, "late@learners.example")
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_an_account_deleted_after_the_job_was_stored_is_unknown_by_id_and_pending_by_address(customer, run, mia):
    job = stored(customer, row(run, mia), row(run, email=mia.email))
    mia.delete()

    done = jobs.run(job).rows.order_by("position")

    assert states(done) == [invalid("unknown-user-id"), PENDING]


# --- Links -----------------------------------------------------------------------------------------------------------


def test_a_learner_becomes_linked_and_active_with_the_learner_role(customer, run, mia):
    elsewhere = LearnerFactory(user=mia)

    enroll(customer, row(run, mia))

    made = link(customer, mia)
    assert (made.linked, made.active, made.is_relinkable, made.user_fk_id) == (True, True, True, mia.pk)
    assert made.should_inactivate_other_customers is True
    assert made.history.get().history_type == "+"
    assert roles_of(mia, customer) == ["enterprise_learner"]
    elsewhere.refresh_from_db()
    assert elsewhere.active is False
    assert elsewhere.history.count() == 1, "a plain update, without history"


def test_an_unlinked_learner_is_linked_again_on_the_same_row(customer, run, mia):
    before = LearnerFactory(enterprise_customer=customer, user=mia, linked=False, active=False)

    enroll(customer, row(run, mia))

    after = link(customer, mia)
    assert (after.pk, after.linked, after.active, after.created) == (before.pk, True, True, before.created)
    assert after.modified > before.modified
    assert after.history.first().history_type == "~"
    assert roles_of(mia, customer) == ["enterprise_learner"]


def test_a_learner_who_acts_for_another_customer_acts_for_this_one_afterwards(customer, run, mia):
    LearnerFactory(enterprise_customer=customer, user=mia, active=False)
    other = LearnerFactory(user=mia)

    enroll(customer, row(run, mia))

    other.refresh_from_db()
    assert (link(customer, mia).active, other.active) == (True, False)


def test_a_link_may_leave_the_other_customers_alone(customer, run, mia):
    LearnerFactory(enterprise_customer=customer, user=mia, should_inactivate_other_customers=False)
    other = LearnerFactory(user=mia)

    enroll(customer, row(run, mia))

    other.refresh_from_db()
    assert other.active is True


def test_a_link_stays_when_the_rows_enrollment_fails(customer, mia):
    closed = CourseRunFactory(closed=True, modes=["audit"])

    done = enroll(customer, row(closed, mia))

    assert states(done) == [failed("enrollment-closed")]
    assert link(customer, mia).linked is True
    assert roles_of(mia, customer) == ["enterprise_learner"]
    assert plain(mia, closed) is None


def test_the_first_link_with_a_customer_that_has_a_language_blanks_the_learners_preference(run, mia):
    speaks_german = EnterpriseCustomerFactory(default_language="de")
    linked_before = UserFactory()
    LearnerFactory(enterprise_customer=speaks_german, user=linked_before, linked=False, active=False)
    for account in (mia, linked_before):
        account.profile.language_preference = "fr"
        account.profile.save()

    enroll(speaks_german, row(run, mia), row(run, linked_before))

    for account in (mia, linked_before):
        account.profile.refresh_from_db()
    assert (mia.profile.language_preference, linked_before.profile.language_preference) == ("", "fr")
