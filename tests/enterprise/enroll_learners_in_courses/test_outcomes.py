"""What becomes of the rows of .../enroll_learners_in_courses/ (contract: enterprise-learners)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from rest_framework.test import APIClient

from enrollments.models import CourseEnrollment, CourseOverview, User
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
)
from tests.enterprise.enroll_learners_in_courses.calls import LICENSE, TRANSACTION, Enroll, path_of, row
from tests.factories import (
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    LearnerCreditFactory,
    LearnerFactory,
    LicenseFactory,
    OnboardingFactory,
    PendingEnrollmentFactory,
    PendingLearnerFactory,
    UserFactory,
    VerificationFactory,
)

pytestmark = pytest.mark.django_db
OTHER_LICENSE = "e1000000-0000-4000-8000-000000000002"
OTHER_TRANSACTION = "c1000000-0000-4000-8000-000000000002"


# --- The work -------------------------------------------------------------------------------------------------------


def test_a_learner_with_an_account_is_linked_and_enrolled(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    elsewhere = LearnerFactory(user=learner)
    answer = enroll(row(run, email=" mia@ACME.test "))
    link = EnterpriseCustomerUser.objects.get(enterprise_customer=customer, user_id=learner.pk)
    enrollment = EnterpriseCourseEnrollment.objects.get(enterprise_customer_user=link)
    fulfillment = LicensedEnterpriseCourseEnrollment.objects.get(enterprise_course_enrollment=enrollment)
    assert answer.status_code == 201
    assert answer.json() == {
        "successes": [
            {
                "user_id": learner.pk,
                "email": "Mia@acme.test",
                "course_run_key": run.pk,
                "created": True,
                "activation_link": None,
                "enterprise_fulfillment_source_uuid": str(fulfillment.uuid),
            }
        ],
        "pending": [],
        "failures": [],
    }
    elsewhere.refresh_from_db()
    assert (link.active, elsewhere.active) == (True, False)
    assert (enrollment.course_id, enrollment.source.slug, enrollment.unenrolled) == (run.pk, "customer_admin", None)
    assert (str(fulfillment.license_uuid), fulfillment.fulfillment_type) == (LICENSE, "license")
    plain = CourseEnrollment.objects.get(user=learner)
    assert (plain.course_id, plain.mode, plain.is_active) == (run.pk, "verified", True)
    assert not DataSharingConsent.objects.exists()


def test_the_older_name_of_the_list_means_the_same(
    client_of_admin: APIClient, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    body = {"licenses_info": [row(email=learner.email)], "enrollments_info": []}
    assert client_of_admin.post(path_of(customer), body).json()["successes"][0]["user_id"] == learner.pk


def test_an_empty_older_list_beside_a_filled_one_is_ignored(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    assert len(enroll(row(email=learner.email), licenses_info=[]).json()["successes"]) == 1


def test_ignored_and_unknown_fields_change_nothing(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    answer = enroll(
        row(email=learner.email, mode="audit", license_uuid=LICENSE, transaction_id=None),
        reason="Because",
        salesforce_id="S1",
        more=[],
    )
    assert answer.status_code == 201
    assert CourseEnrollment.objects.get().mode == "verified"


def test_numbers_and_flags_may_come_as_text(enroll: Enroll, learner: User) -> None:
    CourseRunFactory(id="course-v1:Acme+Shut+T1", closed=True)
    answer = enroll(row("course-v1:Acme+Shut+T1", user_id=f"{learner.pk}", force_enrollment="true"), notify="true")
    assert answer.status_code == 201
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(("flag", "status"), [("True", 201), ("TRUE", 201), ("False", 409), ("FALSE", 409)])
def test_flags_may_be_written_in_any_case(flag: str, status: int, enroll: Enroll, learner: User) -> None:
    CourseRunFactory(id="course-v1:Acme+Shut+T1", closed=True)
    answer = enroll(row("course-v1:Acme+Shut+T1", user_id=learner.pk, force_enrollment=flag))
    assert answer.status_code == status


def test_a_license_may_be_written_without_hyphens(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    assert enroll(row(email=learner.email, license_uuid=LICENSE.replace("-", "").upper())).status_code == 201
    assert str(LicensedEnterpriseCourseEnrollment.objects.get().license_uuid) == LICENSE


def test_the_account_of_a_user_id_wins_over_the_address_sent(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    other = UserFactory()
    answer = enroll(row(user_id=learner.pk, email=other.email))
    assert answer.json()["successes"][0]["email"] == "Mia@acme.test"
    assert not EnterpriseCustomerUser.objects.filter(user_id=other.pk).exists()
    assert not CourseEnrollment.objects.filter(user=other).exists()


def test_unknown_user_ids_are_listed_once_per_row_and_their_rows_dropped(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    answer = enroll(
        row(user_id=990002, email="good@acme.test"),
        row(user_id=learner.pk),
        row(user_id=990001),
        row(user_id=990002),
    )
    assert answer.status_code == 409
    assert answer.json()["invalid_user_ids"] == [990002, 990001, 990002]
    assert "invalid_email_addresses" not in answer.json()
    assert [each["user_id"] for each in answer.json()["successes"]] == [learner.pk]
    assert answer.json()["failures"] == answer.json()["pending"] == []
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_bad_and_barred_addresses_are_listed_once_and_not_linked(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    barred = LearnerFactory(enterprise_customer=customer, linked=False, active=False, is_relinkable=False)
    address = barred.user_fk.email
    answer = enroll(
        row(email=address),
        row(email=" Not-an-Email "),
        row(email="Not-an-Email"),
        row("course-v1:Acme+Other+T1", user_id=barred.user_id),
        row(email=learner.email),
    )
    assert answer.status_code == 409
    assert answer.json()["invalid_email_addresses"] == ["Not-an-Email", address]
    assert "invalid_user_ids" not in answer.json()
    assert len(answer.json()["successes"]) == 1
    assert answer.json()["failures"] == []
    barred.refresh_from_db()
    assert (barred.linked, barred.active) == (False, False)
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_an_unlinked_learner_who_may_come_back_is_linked_again(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    link = LearnerFactory(enterprise_customer=customer, linked=False, active=False)
    assert enroll(row(user_id=link.user_id)).status_code == 201
    link.refresh_from_db()
    assert (link.linked, link.active) == (True, True)


@pytest.mark.parametrize("address", ["a" * 1_000_000, "a@" + "b" * 1_000_000 + ".test", "é@acme.test", "a b@acme.test"])
def test_an_absurd_address_is_an_invalid_one(address: str, enroll: Enroll, run: CourseOverview) -> None:
    answer = enroll(row(email=address))
    assert answer.status_code == 409
    assert answer.json()["invalid_email_addresses"] == [address]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("course-v1:Acme+Nowhere+T1", "unknown-course-run"),
        ("sailing", "invalid-course-key"),
        ("course-v1:" + "A" * 1_000_000, "invalid-course-key"),
    ],
)
def test_an_unknown_run_or_malformed_key_fails_the_row_but_keeps_the_link(
    key: str, code: str, enroll: Enroll, customer: EnterpriseCustomer, learner: User
) -> None:
    answer = enroll(row(key, email="MIA@acme.test"))
    assert answer.status_code == 409
    [failure] = answer.json()["failures"]
    assert (failure["user_id"], failure["email"]) == (learner.pk, "Mia@acme.test")
    assert failure["course_run_key"][:20] == key[:20]
    assert failure["reason"]["code"] == code
    assert failure["reason"]["text"]
    assert EnterpriseCustomerUser.objects.filter(enterprise_customer=customer, user_id=learner.pk, active=True).exists()
    assert not EnterpriseCourseEnrollment.objects.exists()


def test_a_key_that_cannot_be_stored_fails_the_row_of_a_pending_learner(
    enroll: Enroll, customer: EnterpriseCustomer
) -> None:
    answer = enroll(row("course-v1:" + "A" * 1_000_000, email="Newbie@acme.test"))
    assert answer.status_code == 409
    [failure] = answer.json()["failures"]
    assert (failure["user_id"], failure["email"]) == (None, "newbie@acme.test")
    assert failure["reason"]["code"] == "invalid-course-key"
    assert PendingEnterpriseCustomerUser.objects.filter(enterprise_customer=customer).exists()
    assert not PendingEnrollment.objects.exists()


def closed(**fields: Any) -> CourseOverview:
    return CourseRunFactory(id="course-v1:Acme+Shut+T1", **fields)


@pytest.mark.parametrize("how", [{"closed": True}, {"invitation_only": True}])
def test_a_closed_run_needs_force(how: dict[str, Any], enroll: Enroll, learner: User) -> None:
    run = closed(**how)
    answer = enroll(row(run, email=learner.email))
    assert answer.status_code == 409
    assert answer.json()["failures"][0]["reason"]["code"] == "enrollment-closed"
    answer = enroll(row(run, email=learner.email, force_enrollment=True))
    assert answer.status_code == 201
    assert answer.json()["successes"][0]["created"] is True


def test_force_lifts_neither_seats_nor_modes(enroll: Enroll, learner: User) -> None:
    full = CourseRunFactory(id="course-v1:Acme+Full+T1", max_student_enrollments_allowed=1, modes=["audit"])
    CourseEnrollmentFactory(course_id=full.pk)
    late = CourseRunFactory(id="course-v1:Acme+Late+T1", modes=["audit"])
    CourseModeFactory(course_id=late.pk, mode_slug="verified", expired=True)
    answer = enroll(
        row(full, email=learner.email, force_enrollment=True), row(late, email=learner.email, force_enrollment=True)
    )
    assert [each["reason"]["code"] for each in answer.json()["failures"]] == ["course-full", "mode-unavailable"]


def test_an_enrollment_that_stands_is_untouched_and_reported_as_not_created(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    CourseEnrollmentFactory(user=learner, course_id=run.pk, mode="verified")
    answer = enroll(row(email=learner.email))
    assert answer.status_code == 201
    assert answer.json()["successes"][0]["created"] is False
    assert EnterpriseCourseEnrollment.objects.count() == 1


@pytest.mark.parametrize("before", [{"mode": "audit"}, {"mode": "verified", "is_active": False}])
def test_a_changed_mode_or_activity_counts_as_created(
    before: dict[str, Any], enroll: Enroll, run: CourseOverview, learner: User
) -> None:
    CourseEnrollmentFactory(user=learner, course_id=run.pk, **before)
    assert enroll(row(email=learner.email)).json()["successes"][0]["created"] is True
    plain = CourseEnrollment.objects.get()
    assert (plain.mode, plain.is_active) == ("verified", True)


def test_who_is_moved_to_another_mode_hears_once_what_it_asks(enroll: Enroll, run: CourseOverview) -> None:
    moved, new = UserFactory(email="moved@acme.test"), UserFactory(email="new@acme.test")
    CourseEnrollmentFactory(user=moved, course_id=run.pk, mode="audit")
    OnboardingFactory(course_id=run.pk)
    for learner in (moved, new):
        VerificationFactory(user=learner, expired=True)
    for _ in range(2):
        assert enroll(row(email=moved.email), row(email=new.email, license_uuid=OTHER_LICENSE)).status_code == 201
    assert [letter.to for letter in mail.outbox] == [["moved@acme.test"]] * 2
    assert sorted(letter.subject for letter in mail.outbox) == [
        "What the proctored exams in Sailing ask of you",
        "Your ID verification for Matricula has expired",
    ]


def test_enrolling_again_after_an_unenrollment_clears_its_marks(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    CourseEnrollmentFactory(user=learner, course_id=run.pk, mode="verified", is_active=False)
    enrollment = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=LearnerFactory(enterprise_customer=customer, user=learner),
        course_id=run.pk,
        saved_for_later=True,
        unenrolled=True,
        unenrolled_at=timezone.now(),
    )
    license_row = LicenseFactory(enterprise_course_enrollment=enrollment, license_uuid=LICENSE, is_revoked=True)
    answer = enroll(row(email=learner.email))
    assert answer.json()["successes"][0]["enterprise_fulfillment_source_uuid"] == str(license_row.uuid)
    enrollment.refresh_from_db()
    license_row.refresh_from_db()
    assert (enrollment.saved_for_later, enrollment.unenrolled, enrollment.unenrolled_at) == (False, False, None)
    assert license_row.is_revoked is False


def test_a_different_license_is_a_conflict_that_changes_nothing(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    link = LearnerFactory(enterprise_customer=customer, user=learner)
    enrollment = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=run.pk)
    LicenseFactory(enterprise_course_enrollment=enrollment, license_uuid=LICENSE)
    answer = enroll(
        row(email=" MIA@acme.test", license_uuid=OTHER_LICENSE), row(user_id=learner.pk, license_uuid=OTHER_LICENSE)
    )
    assert answer.status_code == 409
    shown = [{key: each[key] for key in ("user_id", "email", "course_run_key")} for each in answer.json()["failures"]]
    assert shown == [
        {"user_id": None, "email": "mia@acme.test", "course_run_key": run.pk},
        {"user_id": learner.pk, "email": "mia@acme.test", "course_run_key": run.pk},
    ]
    assert {each["reason"]["code"] for each in answer.json()["failures"]} == {"subsidy-conflict"}
    assert not CourseEnrollment.objects.exists()
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 1


def test_learner_credit_is_reactivated_with_the_new_transaction(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    link = LearnerFactory(enterprise_customer=customer, user=learner)
    enrollment = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=run.pk)
    credit = LearnerCreditFactory(enterprise_course_enrollment=enrollment, transaction_id=TRANSACTION, is_revoked=True)
    answer = enroll(row(email=learner.email, transaction_id=OTHER_TRANSACTION))
    assert answer.json()["successes"][0]["enterprise_fulfillment_source_uuid"] == str(credit.uuid)
    credit.refresh_from_db()
    assert (credit.is_revoked, str(credit.transaction_id)) == (False, OTHER_TRANSACTION)


@pytest.mark.parametrize(("unenrolled", "left"), [(None, (None, True)), (True, (False, False))])
def test_reactivating_what_pays_clears_the_marks_of_an_unenrolled_enrollment_only(
    unenrolled: bool | None,
    left: tuple[bool | None, bool],
    enroll: Enroll,
    customer: EnterpriseCustomer,
    run: CourseOverview,
    learner: User,
) -> None:
    CourseEnrollmentFactory(user=learner, course_id=run.pk, mode="verified")
    link = LearnerFactory(enterprise_customer=customer, user=learner)
    enrollment = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=link, course_id=run.pk, saved_for_later=True, unenrolled=unenrolled
    )
    credit = LearnerCreditFactory(enterprise_course_enrollment=enrollment, transaction_id=TRANSACTION, is_revoked=True)
    assert enroll(row(run, email=learner.email, transaction_id=OTHER_TRANSACTION)).status_code == 201
    enrollment.refresh_from_db()
    credit.refresh_from_db()
    assert (credit.is_revoked, str(credit.transaction_id)) == (False, OTHER_TRANSACTION)
    assert (enrollment.unenrolled, enrollment.saved_for_later) == left


def test_learner_credit_that_stands_keeps_its_transaction(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    first = enroll(row(email=learner.email, transaction_id=TRANSACTION))
    second = enroll(row(email=learner.email, transaction_id=OTHER_TRANSACTION))
    assert second.status_code == 201
    fulfillments = [each.json()["successes"][0]["enterprise_fulfillment_source_uuid"] for each in (first, second)]
    credit = LearnerCreditEnterpriseCourseEnrollment.objects.get()
    assert fulfillments == [str(credit.uuid)] * 2
    assert (str(credit.transaction_id), credit.fulfillment_type) == (TRANSACTION, "learner_credit")


def test_a_license_and_a_transaction_may_pay_for_one_enrollment(
    enroll: Enroll, run: CourseOverview, learner: User
) -> None:
    answer = enroll(row(email=learner.email), row(email=learner.email, transaction_id=TRANSACTION))
    first, second = answer.json()["successes"]
    assert first["enterprise_fulfillment_source_uuid"] != second["enterprise_fulfillment_source_uuid"]
    assert (first["created"], second["created"]) == (True, False)
    assert EnterpriseCourseEnrollment.objects.count() == 1


def test_a_default_intention_is_realized_once(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    intention = DefaultEnterpriseEnrollmentIntention.objects.create(
        enterprise_customer=customer, content_key=run.pk, content_type="course_run"
    )
    for _ in range(2):
        answer = enroll(row(email=learner.email, is_default_auto_enrollment=True))
        assert answer.status_code == 201
    realization = DefaultEnterpriseEnrollmentRealization.objects.get()
    assert realization.intended_enrollment == intention
    assert realization.realized_enrollment == EnterpriseCourseEnrollment.objects.get()


def test_without_a_matching_intention_nothing_is_realized(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    assert enroll(row(email=learner.email, is_default_auto_enrollment=True)).status_code == 201
    assert not DefaultEnterpriseEnrollmentRealization.objects.exists()


# --- Learners without an account ------------------------------------------------------------------------------------


def test_a_learner_without_an_account_becomes_pending(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    answer = enroll(row(email=" Newbie@acme.test", transaction_id=TRANSACTION), discount="12.5")
    assert answer.status_code == 202
    assert answer.json() == {
        "successes": [],
        "pending": [{"email": "newbie@acme.test", "course_run_key": run.pk, "created": True, "activation_link": None}],
        "failures": [],
    }
    waiting = PendingEnrollment.objects.get()
    assert waiting.user.enterprise_customer == customer
    assert (waiting.course_id, waiting.course_mode) == (run.pk, "verified")
    assert waiting.discount_percentage == Decimal("12.5")
    assert (str(waiting.transaction_id), waiting.license_uuid) == (TRANSACTION, None)
    assert (waiting.source.slug, waiting.cohort_name, waiting.sales_force_id) == ("customer_admin", None, None)


def test_the_discount_of_a_pending_enrollment_is_100_unless_said_otherwise(enroll: Enroll, run: CourseOverview) -> None:
    enroll(row(email="newbie@acme.test"))
    assert PendingEnrollment.objects.get().discount_percentage == 100


def test_one_address_in_two_spellings_is_one_pending_learner(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    PendingLearnerFactory(enterprise_customer=customer, user_email="NEWBIE@acme.test")
    answer = enroll(row(email="Newbie@acme.test"), row(email="newbie@acme.test"))
    assert [each["created"] for each in answer.json()["pending"]] == [True, False]
    assert PendingEnterpriseCustomerUser.objects.count() == 1
    assert PendingEnrollment.objects.count() == 1


def test_a_pending_run_with_another_license_is_a_conflict(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    waiting = PendingLearnerFactory(enterprise_customer=customer, user_email="newbie@acme.test")
    PendingEnrollmentFactory(user=waiting, course_id=run.pk, license_uuid=LICENSE)
    answer = enroll(
        row(email="Newbie@acme.test", license_uuid=OTHER_LICENSE),
        row(email="newbie@acme.test", transaction_id=TRANSACTION),
    )
    assert answer.status_code == 409
    for failure in answer.json()["failures"]:
        assert failure.pop("reason")["code"] == "subsidy-conflict"
        assert failure == {"user_id": None, "email": "newbie@acme.test", "course_run_key": run.pk}
    assert len(answer.json()["failures"]) == 2


def test_a_pending_run_takes_over_a_new_transaction(enroll: Enroll, run: CourseOverview) -> None:
    enroll(row(email="newbie@acme.test", transaction_id=TRANSACTION))
    answer = enroll(row(email="newbie@acme.test", transaction_id=OTHER_TRANSACTION))
    assert (answer.status_code, answer.json()["pending"][0]["created"]) == (202, False)
    assert str(PendingEnrollment.objects.get().transaction_id) == OTHER_TRANSACTION
