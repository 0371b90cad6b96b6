"""Fulfillments and flags of enterprise enrollments (contract: enterprise-learners, Fulfillments, Background work)."""

from __future__ import annotations

import pytest

from config.hooks import quiet
from enrollments.models import CourseEnrollment
from enrollments.services import enroll
from enterprise.models import (
    EnterpriseCourseEnrollment,
    EnterpriseEnrollmentSource,
)
from enterprise.services import course_enrollments, fulfillments
from tests import factories
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
RUN = "course-v1:Acme+Sail+T1"


@pytest.fixture
def run():
    return factories.CourseRunFactory(
        id=RUN, course=factories.CourseFactory(key="Acme+Sail"), modes=["audit", "verified"]
    )


def paid_enrollment(**fields):
    enrollment = factories.EnterpriseCourseEnrollmentFactory(course_id=RUN, **fields)
    return (
        enrollment,
        factories.LicenseFactory(enterprise_course_enrollment=enrollment),
        factories.LearnerCreditFactory(enterprise_course_enrollment=enrollment),
    )


def flags(enrollment):
    row = EnterpriseCourseEnrollment.all_objects.get(pk=enrollment.pk)
    return row.unenrolled, row.saved_for_later, row.unenrolled_at is not None


def changes(row):
    return "".join(row.history.order_by("history_id").values_list("history_type", flat=True))


def revoked(*rows):
    return [type(row).objects.get(pk=row.pk).is_revoked for row in rows]


FLAGGED, CLEARED, NEVER = (True, True, True), (False, False, False), (None, False, False)


# --- one fulfillment ----------------------------------------------------------------------------------------------


def test_revoking_marks_the_enrollment_unenrolled_and_revokes_its_other_fulfillment(
    told, django_capture_on_commit_callbacks
):
    enrollment, license_row, credit = paid_enrollment()

    with django_capture_on_commit_callbacks(execute=True):
        assert fulfillments.revoke(license_row) is True

    assert revoked(license_row, credit) == [True, True]
    assert license_row.is_revoked
    assert flags(enrollment) == FLAGGED
    assert (changes(license_row), changes(credit), changes(enrollment)) == ("+~", "+~", "+~")
    assert [payload["uuid"] for payload in told] == [str(credit.uuid)]


def test_revoking_twice_changes_and_tells_nothing_the_second_time(told, django_capture_on_commit_callbacks):
    enrollment, license_row, credit = paid_enrollment()

    with django_capture_on_commit_callbacks(execute=True):
        assert fulfillments.revoke(credit) is True
        assert fulfillments.revoke(credit) is False
        assert fulfillments.revoke(license_row) is False

    assert len(told) == 1
    assert changes(credit) == changes(enrollment) == "+~"


def test_revoking_leaves_an_enrollment_alone_that_is_unenrolled_already():
    enrollment, license_row, credit = paid_enrollment(unenrolled=True)

    fulfillments.revoke(license_row)

    assert revoked(license_row, credit) == [True, False]
    assert flags(enrollment) == (True, False, False)


def test_the_event_carries_the_fulfillment_with_its_enrollment_and_link(told, django_capture_on_commit_callbacks):
    source = EnterpriseEnrollmentSource.objects.get(slug="customer_admin")
    enrollment, _, credit = paid_enrollment(source=source)
    link = enrollment.enterprise_customer_user

    with django_capture_on_commit_callbacks(execute=True):
        fulfillments.revoke(credit)

    payload = told[0]
    nested = payload.pop("enterprise_course_enrollment")
    assert nested.pop("enterprise_customer_user") == {
        "id": link.pk,
        "created": f"{link.created.replace(tzinfo=None).isoformat()}Z",
        "modified": f"{link.modified.replace(tzinfo=None).isoformat()}Z",
        "enterprise_customer_uuid": str(link.enterprise_customer_id),
        "user_id": link.user_id,
        "active": True,
        "linked": True,
        "is_relinkable": True,
        "invite_key": None,
        "should_inactivate_other_customers": True,
    }
    assert nested.pop("unenrolled_at").endswith("Z")
    assert nested.keys() == {"id", "created", "modified", "course_id", "saved_for_later", "source_slug", "unenrolled"}
    assert (nested["course_id"], nested["source_slug"], nested["unenrolled"]) == (RUN, "customer_admin", True)
    assert payload.keys() == {
        "uuid",
        "created",
        "modified",
        "fulfillment_type",
        "enterprise_course_entitlement_uuid",
        "is_revoked",
        "transaction_id",
    }
    assert (payload["fulfillment_type"], payload["is_revoked"]) == ("learner_credit", True)
    assert payload["transaction_id"] == str(credit.transaction_id)


def test_a_revocation_that_is_rolled_back_is_not_told(told):
    _, _, credit = paid_enrollment()

    fulfillments.revoke(credit)  # the test's transaction never commits

    assert told == []


# --- sets ---------------------------------------------------------------------------------------------------------


def test_enrollments_are_flagged_and_cleared_in_a_fixed_number_of_statements(django_assert_max_num_queries):
    paid = [paid_enrollment() for _ in range(6)]
    half = EnterpriseCourseEnrollment.objects.filter(pk__lt=paid[3][0].pk)

    with django_assert_max_num_queries(12):
        assert fulfillments.set_unenrolled(half, True) == 3
    assert [flags(row[0]) for row in paid] == [FLAGGED] * 3 + [NEVER] * 3
    assert [revoked(*row[1:]) for row in paid] == [[True, True]] * 3 + [[False, False]] * 3
    assert fulfillments.set_unenrolled(half, True) == 0

    with django_assert_max_num_queries(6):
        assert fulfillments.set_unenrolled(EnterpriseCourseEnrollment.objects.all(), False) == 3
    assert [flags(row[0]) for row in paid] == [CLEARED] * 3 + [NEVER] * 3
    assert revoked(*paid[0][1:]) == [True, True]
    assert changes(paid[0][0]) == "+~~"


def test_an_enrollment_that_is_saved_for_later_only_becomes_unenrolled_too():
    enrollment, license_row, _ = paid_enrollment(saved_for_later=True)

    fulfillments.set_unenrolled(EnterpriseCourseEnrollment.objects.all(), True)

    assert flags(enrollment) == FLAGGED
    assert revoked(license_row) == [True]


# --- plain enrollments --------------------------------------------------------------------------------------------


def enrolled(customers=1, **fields):
    """A learner in the run, with a paid enterprise enrollment for each of some customers."""
    user = factories.UserFactory()
    plain = factories.CourseEnrollmentFactory(user=user, course_id=RUN, **fields)
    return (
        user,
        plain,
        [paid_enrollment(enterprise_customer_user=factories.LearnerFactory(user=user)) for _ in range(customers)],
    )


def test_an_unenrollment_flags_the_enrollments_of_all_customers_and_revokes_what_paid_once(
    run, told, django_capture_on_commit_callbacks
):
    _, plain, mine = enrolled(customers=2)
    _, _, others = enrolled()

    with django_capture_on_commit_callbacks(execute=True):
        enroll.deactivate(plain)
        for _, _, credit in mine:
            fulfillments.revoke(credit)

    assert [flags(row[0]) for row in mine] == [FLAGGED, FLAGGED]
    assert [revoked(*row[1:]) for row in mine] == [[True, True], [True, True]]
    assert sorted(payload["uuid"] for payload in told) == sorted(str(row[2].uuid) for row in mine)
    assert flags(others[0][0]) == NEVER


def test_coming_back_clears_the_flags_and_leaves_what_paid_revoked(run):
    _, plain, mine = enrolled(customers=2)
    enroll.deactivate(plain)

    enroll.update_enrollment(plain, is_active=True)

    assert [flags(row[0]) for row in mine] == [CLEARED, CLEARED]
    assert revoked(*mine[0][1:]) == [True, True]


def test_staying_active_in_another_mode_clears_the_flags_too(run):
    user, plain, _ = enrolled(customers=0)
    saved = factories.EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=factories.LearnerFactory(user=user), course_id=RUN, saved_for_later=True
    )

    enroll.update_enrollment(plain, mode="verified")

    assert flags(saved) == CLEARED


def test_enrollments_of_unlinked_learners_are_invisible_to_it(run):
    user, plain, _ = enrolled(customers=0)
    hidden = factories.EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=factories.LearnerFactory(user=user, linked=False, active=False), course_id=RUN
    )

    enroll.deactivate(plain)

    assert flags(hidden) == NEVER


def test_what_the_world_loader_stores_leaves_flags_as_given(run):
    _, plain, mine = enrolled()

    with quiet():
        enroll.deactivate(plain)

    assert flags(mine[0][0]) == NEVER


def test_the_apps_own_changes_are_not_followed_twice(run):
    _, plain, mine = enrolled()

    enroll.deactivate(plain, origin="enterprise")

    assert flags(mine[0][0]) == NEVER


def test_a_learner_who_is_linked_nowhere_costs_one_statement(run, django_assert_num_queries):
    from enrollments.signals import EnrollmentChange

    user = factories.UserFactory()
    with django_assert_num_queries(1):
        course_enrollments.follow([EnrollmentChange(1, user.pk, RUN, "audit", True, created=True, activated=True)])


# --- enterprise enrollments for plain ones ------------------------------------------------------------------------


@pytest.fixture
def linked(run):
    """A learner who acts for a customer whose catalog holds the run, and is linked to another such customer."""
    user = factories.UserFactory()
    acting = factories.LearnerFactory(user=user)
    other = factories.LearnerFactory(user=user, active=False)
    for link in (acting, other):
        factories.CatalogFactory(enterprise_customer=link.enterprise_customer, content_filter={"key": ["Acme+Sail"]})
    return user, acting, other


def test_a_plain_enrollment_gets_an_enterprise_enrollment_after_the_commit(
    linked, settings, monkeypatch, django_capture_on_commit_callbacks
):
    from enterprise import tasks

    asked = {}
    real = tasks.make_missing_enrollments.apply_async
    monkeypatch.setattr(
        tasks.make_missing_enrollments, "apply_async", lambda **options: asked.update(options) or real(**options)
    )
    settings.CREATE_ENTERPRISE_ENROLLMENT_TASK_COUNTDOWN = 7
    user, acting, _ = linked

    with django_capture_on_commit_callbacks(execute=True):
        enroll.enroll(user, RUN)
        assert not EnterpriseCourseEnrollment.objects.exists()

    made = EnterpriseCourseEnrollment.objects.get()
    assert made.enterprise_customer_user == acting
    assert (made.source.slug, flags(made), changes(made)) == ("enrollment_task", NEVER, "+")
    assert asked["countdown"] == 7


@pytest.mark.parametrize("reason", ["no-catalog", "inactive-link", "unlinked", "exists"])
def test_no_enterprise_enrollment_is_made(linked, reason):
    user, acting, _ = linked
    factories.CourseEnrollmentFactory(user=user, course_id=RUN)
    if reason == "no-catalog":
        acting.enterprise_customer.enterprise_customer_catalogs.update(content_filter={"key": ["Acme+Other"]})
    elif reason == "inactive-link":
        acting.active = False
        acting.save()
    elif reason == "unlinked":
        acting.linked = False
        acting.save()
    else:
        factories.EnterpriseCourseEnrollmentFactory(enterprise_customer_user=acting, course_id=RUN)

    assert course_enrollments.make_missing([(user.pk, RUN)]) == []


def test_a_plain_enrollment_that_is_created_inactive_gets_its_enterprise_enrollment_too(linked):
    user, acting, _ = linked
    factories.CourseEnrollmentFactory(user=user, course_id=RUN, is_active=False)

    [made] = course_enrollments.make_missing([(user.pk, RUN)])

    enrollment = EnterpriseCourseEnrollment.objects.get(pk=made)
    assert (enrollment.enterprise_customer_user, flags(enrollment)) == (acting, NEVER)


def test_many_missing_enrollments_are_made_in_a_fixed_number_of_statements(run, django_assert_max_num_queries):
    customers = [factories.CatalogFactory(content_filter={"key": ["Acme+Sail"]}).enterprise_customer for _ in range(2)]
    made = [factories.LearnerFactory(enterprise_customer=customers[n % 2]) for n in range(12)]
    for link in made:
        factories.CourseEnrollmentFactory(user=link.user_fk, course_id=RUN)

    with django_assert_max_num_queries(19):
        ids = course_enrollments.make_missing([(link.user_id, RUN) for link in made])

    assert len(ids) == 12


# --- linked enrollments of order services -------------------------------------------------------------------------


def linked_enrollment(client, user, customer_uuid, run_key=RUN):
    return client.post(
        "/api/enrollment/v1/enrollment",
        {
            "user": user.username,
            "course_details": {"course_id": run_key},
            "linked_enterprise_customer": str(customer_uuid),
        },
        format="json",
    )


def test_a_linked_enrollment_brings_the_enterprise_enrollment_and_granted_consent(linked, by_api_key):
    user, acting, other = linked

    response = linked_enrollment(by_api_key, user, other.enterprise_customer_id)

    assert response.status_code == 200
    made = EnterpriseCourseEnrollment.objects.get(enterprise_customer_user=other)
    assert (made.course_id, made.source.slug) == (RUN, "offer_redemption")
    consent = other.enterprise_customer.consents.get()
    assert (consent.username, consent.course_id, consent.granted) == (user.username, RUN, True)
    assert not acting.enterprise_customer.consents.exists()
    assert linked_enrollment(by_api_key, user, other.enterprise_customer_id).status_code == 200
    assert EnterpriseCourseEnrollment.objects.filter(enterprise_customer_user=other).count() == 1


def test_a_linked_enrollment_of_a_learner_of_somebody_else_is_refused_before_anything_is_done(linked, by_api_key):
    user, _, _ = linked
    stranger = factories.EnterpriseCustomerFactory()

    response = linked_enrollment(by_api_key, user, stranger.pk)

    assert response.status_code == 400
    assert response.data["message"].startswith("An error occurred while creating the new course enrollment")
    assert not CourseEnrollment.objects.exists()
    assert not EnterpriseCourseEnrollment.objects.exists()
    assert not stranger.consents.exists()


def test_both_records_of_a_linked_enrollment_stay_when_the_enrollment_is_refused_afterwards(linked, by_api_key):
    user, acting, _ = linked
    closed = factories.CourseRunFactory(id="course-v1:Acme+Closed+T1", closed=True)

    response = linked_enrollment(by_api_key, user, acting.enterprise_customer_id, closed.pk)

    assert response.status_code == 400
    assert EnterpriseCourseEnrollment.objects.get().course_id == closed.pk
    assert acting.enterprise_customer.consents.get().granted


# --- implied consent ----------------------------------------------------------------------------------------------


@pytest.fixture
def external():
    return factories.EnterpriseCustomerFactory(enforce_data_sharing_consent="externally_managed")


def test_a_customer_that_manages_consent_itself_implies_it_for_new_enrollments(external, run):
    mine = factories.LearnerFactory(enterprise_customer=external)
    other = factories.LearnerFactory()

    course_enrollments.ensure([(mine.pk, RUN), (other.pk, RUN)], "manual")

    consent = external.consents.get()
    assert (consent.username, consent.course_id, consent.granted) == (mine.user_fk.username, RUN, True)
    assert changes(consent) == "+"
    assert not other.enterprise_customer.consents.exists()


@pytest.mark.parametrize(
    ("course_id", "granted", "expected"),
    [(RUN, None, [None]), ("Acme+Sail", False, [False]), ("Acme+Sail", True, [True, True]), (RUN, True, [True])],
)
def test_a_record_or_a_refusal_that_stands_is_left_alone(external, run, course_id, granted, expected):
    link = factories.LearnerFactory(enterprise_customer=external)
    external.consents.create(username=link.user_fk.username, course_id=course_id, granted=granted)

    course_enrollments.ensure([(link.pk, RUN)], "manual")

    assert [consent.granted for consent in external.consents.all()] == expected


def test_consent_is_not_implied_for_unlinked_learners_or_when_consent_is_off(external, run):
    unlinked = factories.LearnerFactory(enterprise_customer=external, linked=False, active=False)
    off = factories.EnterpriseCustomerFactory(
        enforce_data_sharing_consent="externally_managed", enable_data_sharing_consent=False
    )
    link = factories.LearnerFactory(enterprise_customer=off)

    course_enrollments.ensure([(unlinked.pk, RUN), (link.pk, RUN)], "manual")

    assert not external.consents.exists()
    assert not off.consents.exists()


def test_a_failure_of_implied_consent_never_costs_the_enrollment(external, run, monkeypatch, caplog):
    from django.db import DatabaseError

    from enterprise.services import consent

    def broken(*args, **kwargs):
        raise DatabaseError("out of order")

    monkeypatch.setattr(consent, "insert_from", broken)
    link = factories.LearnerFactory(enterprise_customer=external)

    assert len(course_enrollments.ensure([(link.pk, RUN)], "astronaut")) == 1

    assert EnterpriseCourseEnrollment.objects.get().source is None
    assert "Implied consent could not be recorded" in caplog.text


# --- at the same time ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_revocations_at_the_same_time_are_told_once(told):
    enrollment, license_row, credit = paid_enrollment()

    raised = at_once(*[lambda: fulfillments.revoke(credit), lambda: fulfillments.revoke(license_row)] * 3)

    assert raised == []
    assert len(told) == 1
    assert changes(credit) == changes(license_row) == "+~"
    assert flags(enrollment) == FLAGGED
