"""Bulk engine: enterprise enrollments, what pays for them, intentions and consent (contract: enterprise-learners)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from enrollments.models import CourseEnrollment, OutboxMessage, User
from enterprise.models import (
    DataSharingConsent,
    DefaultEnterpriseEnrollmentIntention,
    DefaultEnterpriseEnrollmentRealization,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from tests.enterprise.bulk import (
    PENDING,
    PENDING_SEEN,
    SEEN,
    SUCCEEDED,
    enroll,
    enterprise_enrollment,
    failed,
    link,
    row,
    states,
)
from tests.factories import (
    CourseEnrollmentFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerCreditFactory,
    LearnerFactory,
    LicenseFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def _revoked(factory: Any, customer: EnterpriseCustomer, run: Any, account: User) -> Any:
    enrollment = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=LearnerFactory(enterprise_customer=customer, user=account),
        course_id=run.pk,
        unenrolled=True,
        saved_for_later=True,
        unenrolled_at=timezone.now(),
    )
    CourseEnrollmentFactory(user=account, course_id=run.pk, mode="verified", is_active=False)
    return factory(enterprise_course_enrollment=enrollment, is_revoked=True)


def _everything() -> dict[str, list[Any]]:
    """All rows that bulk enrollment may write, with their histories."""
    models = [
        CourseEnrollment,
        EnterpriseCustomerUser,
        EnterpriseCourseEnrollment,
        LicensedEnterpriseCourseEnrollment,
        LearnerCreditEnterpriseCourseEnrollment,
        PendingEnterpriseCustomerUser,
        PendingEnrollment,
        SystemWideEnterpriseUserRoleAssignment,
    ]
    found = {model.__name__: list(model._base_manager.order_by("pk").values()) for model in models}
    found |= {f"history of {model.__name__}": list(model.history.order_by("history_id").values()) for model in models}
    return found | {"mails": list(OutboxMessage.objects.order_by("pk").values("key"))}


# --- Enterprise enrollments and what pays for them -------------------------------------------------------------------


def test_a_license_row_makes_an_enterprise_enrollment_and_a_license_fulfillment(customer, run, mia):
    license_uuid = uuid4()

    (done,) = enroll(customer, row(run, mia, license_uuid=license_uuid))

    made = enterprise_enrollment(customer, mia, run)
    assert (made.source.slug, made.saved_for_later, made.unenrolled) == ("customer_admin", False, None)
    assert made.history.get().history_type == "+"
    paid = LicensedEnterpriseCourseEnrollment.objects.get(enterprise_course_enrollment=made)
    assert (paid.uuid, paid.license_uuid, paid.is_revoked) == (done.fulfillment_uuid, license_uuid, False)
    assert paid.fulfillment_type == "license"
    assert paid.history.get().history_type == "+"


def test_a_transaction_row_makes_a_learner_credit_fulfillment(customer, run, mia):
    transaction_id = uuid4()

    (done,) = enroll(customer, row(run, mia, transaction_id=transaction_id))

    paid = LearnerCreditEnterpriseCourseEnrollment.objects.get()
    assert (paid.uuid, paid.transaction_id) == (done.fulfillment_uuid, transaction_id)
    assert paid.fulfillment_type == "learner_credit"
    assert not LicensedEnterpriseCourseEnrollment.objects.exists()


def test_repeating_a_job_changes_nothing_and_names_the_same_fulfillments(customer, run, mia):
    leo = UserFactory()
    rows = [row(run, mia), row(run, leo, transaction_id=uuid4()), row(run, email="new@learners.example")]
    first = enroll(customer, *rows, notify=True)
    before = _everything()

    second = enroll(customer, *rows, notify=True)

    assert states(first) == [SUCCEEDED, SUCCEEDED, PENDING]
    assert states(second) == [SEEN, SEEN, PENDING_SEEN]
    assert [each.fulfillment_uuid for each in second[:2]] == [each.fulfillment_uuid for each in first[:2]]
    assert _everything() == before


def test_another_license_is_a_conflict_and_the_failing_row_changes_nothing(customer, run, mia):
    enroll(customer, row(run, mia))
    CourseEnrollment.objects.filter(user=mia).update(is_active=False)
    before = _everything()

    done = enroll(customer, row(run, mia), row(run, mia, license_uuid=uuid4()))

    assert states(done) == [failed("subsidy-conflict")] * 2
    assert _everything() == before


def test_a_license_and_learner_credit_may_pay_for_the_same_enrollment(customer, run, mia):
    done = enroll(customer, row(run, mia), row(run, mia, transaction_id=uuid4()))

    assert states(done) == [SUCCEEDED, SEEN]
    made = enterprise_enrollment(customer, mia, run)
    assert (made.license.uuid, made.learner_credit.uuid) == (done[0].fulfillment_uuid, done[1].fulfillment_uuid)


def test_rows_of_one_learner_and_run_are_worked_in_order(customer, run, mia):
    same, other = uuid4(), uuid4()

    done = enroll(
        customer,
        row(run, mia, license_uuid=same),
        row(run, email=mia.email.upper(), license_uuid=same),
        row(run, mia, license_uuid=other),
        row(run, mia, transaction_id=uuid4()),
    )

    assert states(done) == [SUCCEEDED, SEEN, failed("subsidy-conflict"), SEEN]
    assert done[1].fulfillment_uuid == done[0].fulfillment_uuid
    assert EnterpriseCourseEnrollment.objects.count() == 1


def test_a_row_that_failed_leaves_the_way_free_for_the_next_one(customer, mia):
    run = CourseRunFactory(closed=True, modes=["audit"])

    done = enroll(customer, row(run, mia), row(run, mia, force_enrollment=True))

    assert states(done) == [failed("enrollment-closed"), SUCCEEDED]


def test_a_revoked_license_is_reactivated(customer, run, mia):
    paid = _revoked(LicenseFactory, customer, run, mia)

    (done,) = enroll(customer, row(run, mia, license_uuid=paid.license_uuid))

    paid.refresh_from_db()
    made = enterprise_enrollment(customer, mia, run)
    assert (done.created, done.fulfillment_uuid, paid.is_revoked) == (True, paid.uuid, False)
    assert (made.unenrolled, made.saved_for_later, made.unenrolled_at) == (False, False, None)
    assert paid.history.first().history_type == "~"
    assert made.history.first().history_type == "~"


def test_revoked_learner_credit_is_reactivated_with_the_new_transaction(customer, run, mia):
    paid = _revoked(LearnerCreditFactory, customer, run, mia)
    latest = uuid4()

    (done,) = enroll(customer, row(run, mia, transaction_id=latest))

    paid.refresh_from_db()
    assert (done.fulfillment_uuid, paid.is_revoked, paid.transaction_id) == (paid.uuid, False, latest)
    assert enterprise_enrollment(customer, mia, run).unenrolled is False


def test_learner_credit_that_was_not_revoked_keeps_its_transaction(customer, run, mia):
    first = uuid4()
    before = enroll(customer, row(run, mia, transaction_id=first))

    after = enroll(customer, row(run, mia, transaction_id=uuid4()))

    assert states(after) == [SEEN]
    assert after[0].fulfillment_uuid == before[0].fulfillment_uuid
    assert LearnerCreditEnterpriseCourseEnrollment.objects.get().transaction_id == first


def test_only_the_first_of_two_transactions_reactivates(customer, run, mia):
    paid = _revoked(LearnerCreditFactory, customer, run, mia)
    first, second = uuid4(), uuid4()

    enroll(customer, row(run, mia, transaction_id=first), row(run, mia, transaction_id=second))

    paid.refresh_from_db()
    assert paid.transaction_id == first


def test_an_enrollment_that_becomes_active_again_clears_the_flags_of_all_linked_customers(customer, run, mia):
    other, gone = EnterpriseCustomerFactory(), EnterpriseCustomerFactory()
    left = {"course_id": run.pk, "unenrolled": True, "saved_for_later": True, "unenrolled_at": timezone.now()}
    for each in (other, gone):
        EnterpriseCourseEnrollmentFactory(
            enterprise_customer_user=LearnerFactory(enterprise_customer=each, user=mia), **left
        )
    EnterpriseCustomerUser.objects.filter(enterprise_customer=gone).update(linked=False)
    CourseEnrollmentFactory(user=mia, course_id=run.pk, mode="verified", is_active=False)

    enroll(customer, row(run, mia))

    assert enterprise_enrollment(other, mia, run).unenrolled is False
    assert enterprise_enrollment(gone, mia, run).unenrolled is True


def test_flags_stay_when_the_plain_enrollment_needed_no_change(customer, run, mia):
    enroll(customer, row(run, mia))
    EnterpriseCourseEnrollment.objects.update(saved_for_later=True)

    enroll(customer, row(run, mia, transaction_id=uuid4()))

    assert enterprise_enrollment(customer, mia, run).saved_for_later is True


def test_two_customers_may_stand_behind_the_same_plain_enrollment(customer, run, mia):
    other = EnterpriseCustomerFactory()

    first, second = enroll(customer, row(run, mia)), enroll(other, row(run, mia))

    assert states(first + second) == [SUCCEEDED, SEEN]
    assert CourseEnrollment.objects.count() == 1
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 2
    assert (link(customer, mia).active, link(other, mia).active) == (False, True)


def test_an_enterprise_enrollment_of_a_learner_who_comes_back_is_used_again(customer, run, mia):
    enroll(customer, row(run, mia))
    EnterpriseCustomerUser.objects.update(linked=False, active=False)
    before = enterprise_enrollment(customer, mia, run)

    done = enroll(customer, row(run, mia, transaction_id=uuid4()))

    assert states(done) == [SEEN]
    assert enterprise_enrollment(customer, mia, run).pk == before.pk


# --- Default intentions ---------------------------------------------------------------------------------------------


def test_a_default_enrollment_realizes_the_customers_first_intention_for_the_run(customer, run, mia):
    leo, ann = UserFactory(), UserFactory()
    _intend(EnterpriseCustomerFactory(), run.pk)
    _intend(customer, run.pk, is_removed=True)
    intention = _intend(customer, run.course.key)
    other_run = CourseRunFactory(modes=["audit"])

    enroll(
        customer,
        row(run, mia, is_default_auto_enrollment=True),
        row(run, leo),
        row(other_run, ann, is_default_auto_enrollment=True),
    )

    realized = DefaultEnterpriseEnrollmentRealization.objects.get()
    assert realized.intended_enrollment == intention
    assert realized.realized_enrollment == enterprise_enrollment(customer, mia, run)
    assert realized.history.get().history_type == "+"


def test_an_enrollment_that_realizes_another_intention_keeps_it_and_the_row_succeeds(customer, run, mia):
    license_uuid = uuid4()
    enroll(customer, row(run, mia, license_uuid=license_uuid))
    first = _intend(customer, "Other+Course")
    made = enterprise_enrollment(customer, mia, run)
    DefaultEnterpriseEnrollmentRealization.objects.create(intended_enrollment=first, realized_enrollment=made)
    _intend(customer, run.pk)

    done = enroll(customer, row(run, mia, license_uuid=license_uuid, is_default_auto_enrollment=True))

    assert states(done) == [SEEN]
    assert DefaultEnterpriseEnrollmentRealization.objects.get().intended_enrollment == first


def _intend(customer: EnterpriseCustomer, content_key: str, **values: Any) -> DefaultEnterpriseEnrollmentIntention:
    return DefaultEnterpriseEnrollmentIntention.objects.create(
        enterprise_customer=customer, content_key=content_key, **values
    )


# --- Consent ---------------------------------------------------------------------------------------------------------


def test_bulk_enrollment_records_no_consent(customer, run, mia):
    enroll(customer, row(run, mia))

    assert not DataSharingConsent.objects.exists()


def test_consent_that_is_managed_elsewhere_is_recorded_for_new_enrollments(run, mia):
    customer = EnterpriseCustomerFactory(enforce_data_sharing_consent="externally_managed")
    refuser, asked_before = UserFactory(), UserFactory()
    DataSharingConsent.objects.create(
        enterprise_customer=customer, username=refuser.username, course_id="course-v1:Other+Run+1", granted=False
    )
    DataSharingConsent.objects.create(
        enterprise_customer=customer, username=asked_before.username, course_id=run.pk, granted=None
    )

    enroll(customer, row(run, mia), row(run, refuser), row(run, asked_before))

    of_run = DataSharingConsent.objects.filter(course_id=run.pk).values_list("username", "granted")
    assert set(of_run) == {(mia.username, True), (asked_before.username, None)}
