"""What waits for an account becomes real when it is saved (contract: enterprise-learners, Account saved; roles 8)."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from config.hooks import quiet
from enrollments.models import Cohort, CohortMembership, CourseEnrollment
from enterprise.models import (
    BulkJob,
    EnterpriseCourseEnrollment,
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    EnterpriseEnrollmentSource,
    EnterpriseGroupMembership,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
    PendingEnrollment,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.services import admins, claims, links
from tests import factories
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
RUN = "course-v1:Acme+Sail+T1"


@pytest.fixture
def run():
    course = factories.CourseFactory(key="Acme+Sail")
    return factories.CourseRunFactory(id=RUN, course=course, modes=["audit", "verified"])


def waits(customer, email="Mia@Acme.test", days_ago=0, **fields):
    created = timezone.now() - timedelta(days=days_ago)
    return factories.PendingLearnerFactory(enterprise_customer=customer, user_email=email, created=created, **fields)


def registers(email="mia@acme.TEST", **fields):
    return factories.UserFactory(username="mia", email=email, **fields)


def signs_in(account):
    account.last_login = timezone.now()
    account.save(update_fields=["last_login"])


def link_of(customer, account):
    return EnterpriseCustomerUser.all_objects.get(enterprise_customer=customer, user_id=account.pk)


def roles_of(account):
    held = SystemWideEnterpriseUserRoleAssignment.objects.filter(user=account)
    return sorted(held.values_list("role__name", "enterprise_customer__slug"))


# --- learners -----------------------------------------------------------------------------------------------------


def test_a_pending_learner_becomes_a_linked_learner_at_registration_whatever_the_capitals(acme, bolt):
    waits(acme)
    other = waits(bolt, "somebody.else@acme.test")

    mia = registers()

    link = link_of(acme, mia)
    assert (link.linked, link.active, link.user_fk) == (True, True, mia)
    assert roles_of(mia) == [("enterprise_learner", "acme")]
    assert list(PendingEnterpriseCustomerUser.objects.all()) == [other]


def test_an_unconfirmed_account_claims_too(acme):
    waits(acme)

    assert link_of(acme, registers(is_active=False)).linked


def test_a_sign_in_and_a_change_of_address_claim_what_came_in_between(acme, bolt):
    mia = registers("other@acme.test")
    waits(bolt, "OTHER@acme.test")
    waits(acme, "mia@acme.test")

    signs_in(mia)
    assert link_of(bolt, mia).active
    mia.email = "Mia@acme.test"
    mia.save()

    assert link_of(acme, mia).active
    assert not link_of(bolt, mia).active
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_the_newest_invitation_decides_for_which_customer_the_learner_acts(acme, bolt):
    third = factories.EnterpriseCustomerFactory()
    waits(bolt, days_ago=1)
    waits(third, days_ago=2)
    waits(acme, days_ago=3)

    mia = registers()

    active = EnterpriseCustomerUser.objects.get(user_id=mia.pk, active=True)
    assert active.enterprise_customer == bolt
    assert EnterpriseCustomerUser.objects.filter(user_id=mia.pk).count() == 3


def test_an_inactive_link_becomes_active_and_keeps_its_row(acme, bolt):
    mia = registers()
    links.link_account(acme, mia)
    links.link_account(bolt, mia)
    before = link_of(acme, mia)
    waits(acme)

    signs_in(mia)

    after = link_of(acme, mia)
    assert (after.pk, after.active, after.created) == (before.pk, True, before.created)
    assert not link_of(bolt, mia).active


def test_an_unlinked_learner_is_linked_again(acme):
    mia = registers()
    links.link_account(acme, mia)
    links.unlink(acme, mia.email)
    waits(acme)

    signs_in(mia)

    assert link_of(acme, mia).linked


def test_a_barred_learner_stays_unlinked_and_the_invitation_goes(acme, bolt, run):
    mia = registers()
    links.link_account(acme, mia)
    links.unlink(acme, mia.email, is_relinkable=False)
    factories.PendingEnrollmentFactory(user=waits(acme), course_id=RUN)
    waits(bolt)

    signs_in(mia)

    link = link_of(acme, mia)
    assert (link.linked, link.active, link.is_relinkable) == (False, False, False)
    assert link_of(bolt, mia).active
    assert not PendingEnterpriseCustomerUser.objects.exists()
    assert not PendingEnrollment.objects.exists()
    assert not BulkJob.objects.exists()


def test_what_the_world_loader_stores_waits_for_the_next_save(acme):
    waits(acme)

    with quiet():
        mia = registers()
    assert not EnterpriseCustomerUser.all_objects.exists()
    signs_in(mia)
    assert link_of(acme, mia).linked


def test_nothing_waiting_costs_two_statements(acme, django_assert_num_queries):
    waits(acme, "somebody.else@acme.test")
    mia = registers()
    nobody = factories.UserFactory(email="")

    with django_assert_num_queries(2):
        claims.claim([mia])
    with django_assert_num_queries(0):
        claims.claim([nobody])


def test_several_accounts_claim_together_in_a_fixed_number_of_statements(acme, bolt, django_assert_max_num_queries):
    with quiet():
        accounts = [factories.UserFactory(username=f"new{n}", email=f"New{n}@acme.test") for n in range(15)]
    for account in accounts:
        waits(acme, account.email.lower())
        waits(bolt, account.email.upper(), days_ago=1)

    with django_assert_max_num_queries(32):
        claims.claim(accounts)

    assert EnterpriseCustomerUser.objects.filter(enterprise_customer=acme, active=True).count() == 15
    assert EnterpriseCustomerUser.objects.filter(enterprise_customer=bolt, active=False).count() == 15
    assert not PendingEnterpriseCustomerUser.objects.exists()


# --- group memberships --------------------------------------------------------------------------------------------


def test_group_memberships_are_accepted_and_lose_their_pending_link(acme):
    pending = waits(acme)
    groups = [factories.GroupFactory(enterprise_customer=acme) for _ in range(2)]
    for group in groups:
        factories.GroupMembershipFactory(
            group=group,
            pending_enterprise_customer_user=pending,
            status="email_error",
            errored_at=timezone.now(),
        )

    mia = registers()

    for membership in EnterpriseGroupMembership.objects.all():
        assert membership.enterprise_customer_user == link_of(acme, mia)
        assert membership.pending_enterprise_customer_user is None
        assert membership.status == "accepted"
        assert membership.activated_at is not None
        assert membership.errored_at is None
        assert membership.history.first().history_type == "~"


def test_a_removed_membership_is_not_accepted(acme):
    group = factories.GroupFactory(enterprise_customer=acme)
    factories.GroupMembershipFactory(
        group=group, pending_enterprise_customer_user=waits(acme), status="removed", is_removed=True
    )

    registers()

    membership = EnterpriseGroupMembership.all_objects.get()
    assert (membership.status, membership.is_removed) == ("removed", True)


@pytest.mark.parametrize("removed", [True, False])
def test_a_learner_who_was_in_the_group_before_is_in_it_once(acme, removed):
    mia = registers()
    link, _ = links.link_account(acme, mia)
    group = factories.GroupFactory(enterprise_customer=acme)
    activated = timezone.now() - timedelta(days=9)
    old = factories.GroupMembershipFactory(
        group=group,
        enterprise_customer_user=link,
        status="removed" if removed else "accepted",
        is_removed=removed,
        activated_at=activated,
    )
    factories.GroupMembershipFactory(group=group, pending_enterprise_customer_user=waits(acme))

    signs_in(mia)

    membership = EnterpriseGroupMembership.all_objects.get()
    assert membership == old
    assert (membership.status, membership.is_removed, membership.removed_at) == ("accepted", False, None)
    assert (membership.activated_at == activated) is not removed


# --- pending enrollments ------------------------------------------------------------------------------------------


@pytest.fixture
def claim(django_capture_on_commit_callbacks):
    """Registers mia and lets the jobs run that start after the commit."""

    def run_all(**fields):
        with django_capture_on_commit_callbacks(execute=True):
            return registers(**fields)

    return run_all


def enrollment_of(account, run_key=RUN):
    return CourseEnrollment.objects.filter(user=account, course_id=run_key).values_list("mode", "is_active").first()


def source(slug):
    return EnterpriseEnrollmentSource.objects.get(slug=slug)


def test_pending_enrollments_are_carried_out_after_the_commit_with_what_pays_for_them(acme, bolt, run, claim):
    license_uuid, transaction_id = uuid.uuid4(), uuid.uuid4()
    second = factories.CourseRunFactory(id="course-v1:Acme+Knot+T1", modes=["professional"])
    third = factories.CourseRunFactory(id="course-v1:Acme+Free+T1", modes=["audit"])
    pending = waits(acme)
    for run_key, mode, fields in (
        (RUN, "verified", {"license_uuid": license_uuid, "source": source("customer_admin")}),
        (second.pk, "professional", {"transaction_id": transaction_id, "source": source("customer_admin")}),
        (third.pk, "audit", {"source": source("enterprise_api")}),
    ):
        factories.PendingEnrollmentFactory(user=pending, course_id=run_key, course_mode=mode, **fields)

    mia = claim()

    assert enrollment_of(mia) == ("verified", True)
    assert enrollment_of(mia, second.pk) == ("professional", True)
    assert enrollment_of(mia, third.pk) == ("audit", True)
    made = EnterpriseCourseEnrollment.objects.filter(enterprise_customer_user=link_of(acme, mia))
    assert sorted(made.values_list("course_id", "source__slug")) == [
        (third.pk, "enterprise_api"),
        (second.pk, "customer_admin"),
        (RUN, "customer_admin"),
    ]
    assert LicensedEnterpriseCourseEnrollment.objects.get().license_uuid == license_uuid
    assert LearnerCreditEnterpriseCourseEnrollment.objects.get().transaction_id == transaction_id
    job = BulkJob.objects.get()
    assert (job.kind, job.state, job.enterprise_customer, job.total, job.succeeded) == (
        "pending_claim",
        "finished",
        acme,
        3,
        3,
    )
    assert not PendingEnrollment.objects.exists()
    assert PendingEnrollment.history.filter(history_type="-").count() == 3


def test_one_rows_refusal_is_kept_with_its_reason_and_does_not_lose_the_rest(acme, run, claim):
    closed = factories.CourseRunFactory(id="course-v1:Acme+Closed+T1", modes=["audit"], closed=True)
    pending = waits(acme)
    for run_key, mode in (
        (closed.pk, "audit"),
        ("course-v1:No+Such+Run", "audit"),
        (RUN, "honor"),
        (RUN + "x", "audit"),
    ):
        factories.PendingEnrollmentFactory(user=pending, course_id=run_key, course_mode=mode, license_uuid=uuid.uuid4())
    good = factories.CourseRunFactory(id="course-v1:Acme+Good+T1", modes=["audit"])
    factories.PendingEnrollmentFactory(user=pending, course_id=good.pk, course_mode="audit")

    mia = claim()

    job = BulkJob.objects.get()
    assert list(job.rows.values_list("state", "reason_code")) == [
        ("failed", "enrollment-closed"),
        ("failed", "unknown-course-run"),
        ("failed", "mode-unavailable"),
        ("failed", "unknown-course-run"),
        ("succeeded", ""),
    ]
    assert list(CourseEnrollment.objects.values_list("course_id", flat=True)) == [good.pk]
    assert EnterpriseCourseEnrollment.objects.get().enterprise_customer_user == link_of(acme, mia)
    assert not LicensedEnterpriseCourseEnrollment.objects.exists()


@pytest.fixture
def existing(acme, run, django_capture_on_commit_callbacks):
    """Mia was in the run before; then a pending enrollment is claimed at her next sign-in."""

    def sign_in(mode, is_active=True, account=None, **pending):
        mia = account or registers()
        factories.CourseEnrollmentFactory(user=mia, course_id=RUN, mode=mode, is_active=is_active)
        factories.PendingEnrollmentFactory(user=waits(acme), course_id=RUN, source=source("customer_admin"), **pending)
        with django_capture_on_commit_callbacks(execute=True):
            signs_in(mia)
        return mia

    return sign_in


def test_a_learner_in_a_paid_mode_is_not_moved_to_a_free_one(existing):
    mia = existing("verified", course_mode="audit", license_uuid=uuid.uuid4())

    assert enrollment_of(mia) == ("verified", True)
    assert not EnterpriseCourseEnrollment.objects.exists()
    assert BulkJob.objects.get().rows.get().reason_code == "downgrade"


def test_a_learner_who_is_in_already_gets_no_enterprise_enrollment_unless_something_pays_for_it(existing):
    mia = existing("verified", course_mode="verified")

    assert enrollment_of(mia) == ("verified", True)
    assert not EnterpriseCourseEnrollment.objects.exists()
    assert BulkJob.objects.get().succeeded == 1


def test_what_pays_for_a_learner_who_is_in_already_brings_an_enterprise_enrollment_of_its_own_source(existing):
    existing("verified", course_mode="verified", license_uuid=uuid.uuid4())

    assert EnterpriseCourseEnrollment.objects.get().source.slug == "enrollment_url"
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 1


@pytest.mark.parametrize(("mode", "is_active"), [("audit", True), ("verified", False), ("audit", False)])
def test_an_upgrade_and_a_return_are_enrollments(existing, mode, is_active):
    mia = existing(mode, is_active, course_mode="verified")

    assert enrollment_of(mia) == ("verified", True)
    assert EnterpriseCourseEnrollment.objects.get().source.slug == "customer_admin"


def test_coming_back_clears_the_flags_of_other_customers_too(existing, bolt):
    mia = registers()
    saved = factories.EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=factories.LearnerFactory(enterprise_customer=bolt, user=mia),
        course_id=RUN,
        saved_for_later=True,
        unenrolled=True,
        unenrolled_at=timezone.now(),
    )

    existing("verified", False, account=mia, course_mode="verified")

    saved.refresh_from_db()
    assert (saved.unenrolled, saved.saved_for_later, saved.unenrolled_at) == (False, False, None)


def test_a_cohort_needs_a_customer_with_auto_cohorting(acme, run, claim):
    cohort = Cohort.objects.create(course_id=RUN, name="blue")
    factories.PendingEnrollmentFactory(user=waits(acme), course_id=RUN, cohort_name="blue")

    mia = claim()
    assert enrollment_of(mia) is None
    assert BulkJob.objects.get().rows.get().reason_code == "no-cohorting"

    acme.enable_autocohorting = True
    acme.save()
    factories.PendingEnrollmentFactory(user=waits(acme), course_id=RUN, cohort_name="blue")
    BulkJob.objects.all().delete()
    with quiet():
        mia.delete()
    mia = claim()
    assert enrollment_of(mia) == ("audit", True)
    assert CohortMembership.objects.get().cohort == cohort


def test_the_claim_of_an_unlinked_learners_run_survives_a_second_turn_of_the_job(acme, run, claim):
    factories.PendingEnrollmentFactory(user=waits(acme), course_id=RUN, license_uuid=uuid.uuid4())
    claim()
    job = BulkJob.objects.get()
    job.rows.update(state="waiting")
    BulkJob.objects.update(state="queued", done=0, succeeded=0)

    from enterprise.services import jobs

    jobs.run(job)

    assert BulkJob.objects.get().succeeded == 1
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 1
    assert EnterpriseCourseEnrollment.objects.count() == 1


def test_many_pending_enrollments_are_carried_out_in_a_fixed_number_of_statements(acme, django_assert_max_num_queries):
    from enterprise.services import jobs

    pending = waits(acme)
    for n in range(20):
        run_key = factories.CourseRunFactory(id=f"course-v1:Acme+M{n}+T1", modes=["verified"]).pk
        factories.PendingEnrollmentFactory(
            user=pending, course_id=run_key, course_mode="verified", license_uuid=uuid.uuid4()
        )
    mia = registers()
    job = BulkJob.objects.get()

    with django_assert_max_num_queries(40):
        jobs.run(job)

    assert BulkJob.objects.get().succeeded == 20
    assert CourseEnrollment.objects.filter(user=mia, is_active=True).count() == 20


# --- admins -------------------------------------------------------------------------------------------------------


def test_an_invited_admin_becomes_one_at_registration(acme, bolt):
    admins.create_pending_admin(acme, "Mia@acme.test")
    admins.create_pending_admin(bolt, "somebody.else@acme.test")

    mia = registers()

    record = EnterpriseCustomerAdmin.objects.get()
    assert record.enterprise_customer_user == link_of(acme, mia)
    assert record.last_login is None
    assert roles_of(mia) == [("enterprise_admin", "acme"), ("enterprise_learner", "acme")]
    assert [row.enterprise_customer for row in PendingEnterpriseCustomerAdminUser.objects.all()] == [bolt]
    assert PendingEnterpriseCustomerAdminUser.history.filter(history_type="-").count() == 1


def test_an_invitation_of_a_linked_learner_is_claimed_without_a_pending_learner(acme):
    mia = registers()
    links.link_account(acme, mia)
    factories.PendingAdminFactory(enterprise_customer=acme, user_email=mia.email.lower())

    signs_in(mia)
    signs_in(mia)

    assert EnterpriseCustomerAdmin.objects.count() == 1
    assert ("enterprise_admin", "acme") in roles_of(mia)


def test_an_existing_admin_record_and_role_are_kept(acme):
    mia = registers()
    link, _ = links.link_account(acme, mia)
    record = EnterpriseCustomerAdmin.objects.create(enterprise_customer_user=link, onboarding_tour_completed=True)
    held = factories.RoleAssignmentFactory(user=mia, role="enterprise_admin", enterprise_customer=acme)
    factories.PendingAdminFactory(enterprise_customer=acme, user_email=mia.email)

    signs_in(mia)

    assert EnterpriseCustomerAdmin.objects.get() == record
    assert SystemWideEnterpriseUserRoleAssignment.objects.get(role__name="enterprise_admin") == held
    assert not PendingEnterpriseCustomerAdminUser.objects.exists()


def test_an_invited_account_without_a_link_stays_invited(acme):
    mia = registers()
    factories.PendingAdminFactory(enterprise_customer=acme, user_email=mia.email)

    signs_in(mia)

    assert roles_of(mia) == []
    assert PendingEnterpriseCustomerAdminUser.objects.exists()


def test_a_barred_learner_loses_the_admin_role_of_that_customer_only(acme, bolt):
    mia = registers()
    for customer in (acme, bolt):
        links.link_account(customer, mia)
        factories.RoleAssignmentFactory(user=mia, role="enterprise_admin", enterprise_customer=customer)
    links.unlink(acme, mia.email, is_relinkable=False)
    admins.create_pending_admin(acme, mia.email)

    signs_in(mia)

    assert roles_of(mia) == [("enterprise_admin", "bolt"), ("enterprise_learner", "bolt")]
    assert not EnterpriseCustomerAdmin.objects.exists()


# --- invitations --------------------------------------------------------------------------------------------------


def test_inviting_an_admin_brings_a_pending_learner_and_taking_it_back_removes_it(acme, bolt):
    admins.create_pending_admin(bolt, "kai@acme.test")
    invited = admins.create_pending_admin(acme, "Kai@acme.test")
    assert PendingEnterpriseCustomerUser.objects.filter(enterprise_customer=acme).get().user_email == "Kai@acme.test"

    admins.delete_pending_admin(invited)

    assert PendingEnterpriseCustomerAdminUser.objects.get().enterprise_customer == bolt
    assert PendingEnterpriseCustomerUser.objects.get().enterprise_customer == bolt


def test_an_address_is_invited_once_whatever_its_capitals(acme):
    admins.create_pending_admin(acme, "kai@acme.test")

    with pytest.raises(admins.AlreadyInvited):
        admins.create_pending_admin(acme, "KAI@acme.test")


def test_a_pending_learner_that_stood_before_the_invitation_stays(acme):
    waits(acme, "kai@acme.test", days_ago=1)
    invited = admins.create_pending_admin(acme, "KAI@acme.test")
    assert PendingEnterpriseCustomerUser.objects.count() == 1

    admins.delete_pending_admin(invited)

    assert PendingEnterpriseCustomerUser.objects.exists()


@pytest.mark.parametrize("what", ["enrollment", "membership"])
def test_a_pending_learner_that_something_waits_for_stays(acme, what):
    invited = admins.create_pending_admin(acme, "kai@acme.test")
    pending = PendingEnterpriseCustomerUser.objects.get()
    if what == "enrollment":
        factories.PendingEnrollmentFactory(user=pending)
    else:
        group = factories.GroupFactory(enterprise_customer=acme)
        factories.GroupMembershipFactory(group=group, pending_enterprise_customer_user=pending)

    admins.delete_pending_admin(invited)

    assert list(PendingEnterpriseCustomerUser.objects.all()) == [pending]
    assert not PendingEnterpriseCustomerAdminUser.objects.exists()


# --- at the same time ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_sign_ins_at_the_same_time_claim_once(acme, bolt, run):
    with quiet():
        mia = registers()
    factories.PendingEnrollmentFactory(user=waits(acme), course_id=RUN, license_uuid=uuid.uuid4())
    waits(bolt, days_ago=1)
    admins.create_pending_admin(acme, mia.email)

    raised = at_once(*[lambda: claims.claim([mia])] * 4)

    assert raised == []
    assert EnterpriseCustomerUser.objects.filter(active=True).get().enterprise_customer == acme
    assert EnterpriseCustomerUser.objects.count() == 2
    assert EnterpriseCustomerAdmin.objects.count() == 1
    assert BulkJob.objects.count() == 1
    assert EnterpriseCourseEnrollment.objects.count() == 1
