"""What becomes of each row of a bulk enrollment (contract: enterprise-learners, enroll_learners_in_courses, Work)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from config.api.exceptions import Refusal
from enrollments.models import CourseEnrollment, CourseEnrollmentAllowed, CourseMode, OutboxMessage, User
from enrollments.signals import enrollments_changed
from enterprise.bulk.rows import RowInput
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
from enterprise.services import jobs
from tests.enterprise.bulk import (
    PENDING,
    PENDING_SEEN,
    SEEN,
    SUCCEEDED,
    enroll,
    enterprise_enrollment,
    failed,
    invalid,
    link,
    plain,
    row,
    states,
    stored,
)
from tests.factories import (
    CourseAccessRoleFactory,
    CourseEnrollmentAllowedFactory,
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerCreditFactory,
    LearnerFactory,
    LicenseFactory,
    PendingEnrollmentFactory,
    PendingLearnerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory()


@pytest.fixture
def run() -> Any:
    return CourseRunFactory(modes=["audit", "verified"])


@pytest.fixture
def mia() -> User:
    return UserFactory(email="Mia.Ray@learners.example")


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


# --- The plain enrollment --------------------------------------------------------------------------------------------


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


# --- Learners without an account -------------------------------------------------------------------------------------


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


# --- Mail and history ------------------------------------------------------------------------------------------------


def test_with_notify_every_new_enrollment_asks_for_one_mail(customer, run, mia):
    seen = CourseEnrollmentFactory(course_id=run.pk, mode="verified").user
    closed = CourseRunFactory(closed=True, modes=["audit"])

    done = enroll(
        customer,
        row(run, mia),
        row(run, seen),
        row(closed, mia),
        row(run, email="New@learners.example"),
        row(run, mia),
        row(run, email="nobody"),
        notify=True,
    )

    job = done[0].job_id
    mails = OutboxMessage.objects.order_by("id").values_list("key", "message_type", "recipient", "context")
    assert list(mails) == [
        (f"bulk:{job}:0", "enterprise.enrollment", "Mia.Ray@learners.example", {"row": done[0].pk}),
        (f"bulk:{job}:3", "enterprise.enrollment", "New@learners.example", {"row": done[3].pk}),
    ]


def test_without_notify_nobody_is_told(customer, run, mia):
    enroll(customer, row(run, mia))

    assert not OutboxMessage.objects.exists()


def test_history_names_the_actor_and_the_job(customer, run, mia):
    boss = UserFactory()

    (done,) = enroll(customer, row(run, mia), actor=boss)

    for changed in (
        CourseEnrollment.objects.get(),
        link(customer, mia),
        LicensedEnterpriseCourseEnrollment.objects.get(),
    ):
        written = changed.history.get()
        assert (written.history_user_id, written.history_change_reason) == (boss.pk, f"bulk job {done.job_id}")


def test_tracking_lines_tell_of_runs_and_of_new_enterprise_enrollments(
    customer, run, mia, caplog, django_capture_on_commit_callbacks
):
    boss = UserFactory()
    with caplog.at_level("INFO", logger="matricula.tracking"), django_capture_on_commit_callbacks(execute=True):
        enroll(customer, row(run, mia), row(run, email="new@learners.example"), actor=boss)
        enroll(customer, row(run, mia), actor=boss)

    told = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    ours = [(line["user_id"], line["course_id"]) for line in told if line["event"] == "customer-admin-enrollment"]
    assert sorted(ours) == sorted([(mia.pk, run.pk), (boss.pk, run.pk)])
    assert [line["user_id"] for line in told if line["event"] == "edx.course.enrollment.activated"] == [mia.pk]


# --- Helpers ---------------------------------------------------------------------------------------------------------


def roles_of(account: User, customer: EnterpriseCustomer) -> list[str]:
    held = SystemWideEnterpriseUserRoleAssignment.objects.filter(user=account, enterprise_customer=customer)
    return list(held.values_list("role__name", flat=True))


def _row_of_id(run: Any, user_id: int, email: str) -> Any:
    return RowInput(user_id=user_id, email=email, course_run_key=run.pk, license_uuid=uuid4())


def _waiting(customer: EnterpriseCustomer, run: Any, **values: Any) -> PendingEnrollment:
    return PendingEnrollmentFactory(
        user=PendingLearnerFactory(enterprise_customer=customer), course_id=run.pk, **values
    )


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
