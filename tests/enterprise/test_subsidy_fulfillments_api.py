"""Fulfillments over HTTP (contract: enterprise-learners, enterprise-subsidy-fulfillment)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from enterprise.models import LearnerCreditEnterpriseCourseEnrollment, LicensedEnterpriseCourseEnrollment
from tests import factories
from tests.enterprise.subsidies import FLAGGED, NEVER, RUN, callers, enrolled, flags, history, is_revoked, plain
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
API = "/enterprise/api/v1"
UNENROLLED = f"{API}/operator/enterprise-subsidy-fulfillment/unenrolled"
UNKNOWN = {"detail": "No fulfillment record matches the provided UUID."}
UNKNOWN_TO_STAFF = {"detail": ["No enrollment found for the given fulfillment source uuid."]}


def path_of(fulfillment, action=""):
    return f"{API}/enterprise-subsidy-fulfillment/{getattr(fulfillment, 'uuid', fulfillment)}{action}"


def cancel_path(fulfillment):
    return path_of(fulfillment, "/cancel-fulfillment")


@pytest.fixture
def op(as_user):
    return as_user(factories.operator())


# --- one fulfillment ----------------------------------------------------------------------------------------------


def test_a_fulfillment_is_shown_with_the_enrollment_that_it_pays_for(boss, customer):
    created = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    enrollment = enrolled(customer, created=created)
    credit = factories.LearnerCreditFactory(enterprise_course_enrollment=enrollment)
    licensed = factories.LicenseFactory(enterprise_course_enrollment=enrollment)
    shown = {
        "enterprise_customer_user": enrollment.enterprise_customer_user_id,
        "course_id": RUN,
        "unenrolled_at": None,
        "created": "2031-02-03T04:05:06Z",
    }

    assert boss.get(path_of(licensed)).json() == {
        "enterprise_course_enrollment": shown,
        "license_uuid": str(licensed.license_uuid),
        "uuid": str(licensed.uuid),
    }
    assert boss.get(path_of(credit, "/")).json() == {
        "enterprise_course_enrollment": shown,
        "transaction_id": str(credit.transaction_id),
        "uuid": str(credit.uuid),
    }


def test_learner_credit_is_looked_up_before_licenses(boss, customer):
    same = uuid4()
    factories.LicenseFactory(enterprise_course_enrollment=enrolled(customer), uuid=same)
    credit = factories.LearnerCreditFactory(enterprise_course_enrollment=enrolled(customer), uuid=same)

    assert boss.get(path_of(same)).json()["transaction_id"] == str(credit.transaction_id)


def test_fulfillments_of_unlinked_learners_are_found(boss, customer):
    licensed = factories.LicenseFactory(enterprise_course_enrollment=enrolled(customer, linked=False))

    assert boss.get(path_of(licensed)).status_code == 200
    assert boss.post(cancel_path(licensed)).status_code == 204
    assert is_revoked(licensed)


def test_a_fulfillment_of_an_entitlement_has_no_enrollment(boss, customer):
    entitlement = factories.EntitlementFactory(
        enterprise_customer_user=factories.LearnerFactory(enterprise_customer=customer)
    )
    credit = factories.LearnerCreditFactory(
        enterprise_course_enrollment=None, enterprise_course_entitlement=entitlement
    )

    assert boss.get(path_of(credit)).json()["enterprise_course_enrollment"] is None
    assert boss.post(cancel_path(credit)).status_code == 204
    assert boss.post(cancel_path(credit)).json() == {"detail": "Enrollment is already canceled."}
    assert is_revoked(credit)


def test_looking_a_fulfillment_up_costs_three_statements(boss, customer, django_assert_num_queries):
    licensed = factories.LicenseFactory(enterprise_course_enrollment=enrolled(customer))

    with django_assert_num_queries(3):
        assert boss.get(path_of(licensed)).status_code == 200


ALLOWED = {"admin": 200, "operator": 200, "staff with a role elsewhere": 200, "superuser": 200, "anonymous": 401}


@pytest.mark.parametrize(
    ("permission", "action"),
    [("can_access_admin_dashboard", ""), ("can_enroll_learners", "/cancel-fulfillment")],
)
def test_who_may_see_and_cancel_a_fulfillment(client, as_user, customer, permission, action):
    for name, account in callers(customer).items():
        licensed = factories.LicenseFactory(enterprise_course_enrollment=enrolled(customer), is_revoked=True)
        caller = client if account is None else as_user(account)
        answer = caller.post(path_of(licensed, action)) if action else caller.get(path_of(licensed))
        assert answer.status_code == ALLOWED.get(name, 403), name
        if answer.status_code == 403:
            assert answer.json() == {"detail": f"MISSING: enterprise.{permission}"}


def test_a_database_role_reaches_the_customers_that_its_holder_is_linked_to(as_user, customer):
    holder = factories.LearnerFactory(enterprise_customer=customer).user_fk
    factories.FeatureRoleAssignmentFactory(user=holder, role="dashboard_admin")
    mine = factories.LicenseFactory(enterprise_course_enrollment=enrolled(customer))
    foreign = factories.LicenseFactory(enterprise_course_enrollment=enrolled(factories.EnterpriseCustomerFactory()))

    assert as_user(holder).get(path_of(mine)).status_code == 200
    assert as_user(holder).get(path_of(foreign)).status_code == 403


@pytest.mark.parametrize("uuid", ["4b6b0f83-8b3b-4f6c-8e52-0f4f0f1f1f1f", "nope", "0", "%00"])
def test_unknown_fulfillments_are_told_before_the_role_is_checked_to_all_but_staff(client, as_user, customer, uuid):
    accounts = callers(customer)

    for name in ("nobody", "learner", "foreign admin", "admin", "operator", "superuser"):
        caller = as_user(accounts[name])
        for answer in (caller.get(path_of(uuid)), caller.post(cancel_path(uuid))):
            assert answer.status_code in ({400, 404} if uuid == "%00" else {404}), name
            if uuid != "%00":
                assert answer.json() == UNKNOWN
    if uuid != "%00":
        staff = as_user(accounts["staff with a role elsewhere"])
        assert (staff.get(path_of(uuid)).status_code, staff.get(path_of(uuid)).json()) == (404, UNKNOWN_TO_STAFF)
        assert (staff.post(cancel_path(uuid)).status_code, staff.post(cancel_path(uuid)).json()) == (404, UNKNOWN)
        assert as_user(accounts["staff"]).get(path_of(uuid)).status_code == 403
        assert client.get(path_of(uuid)).status_code == client.post(cancel_path(uuid)).status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_not_allowed(boss, as_user, customer, method):
    licensed = factories.LicenseFactory(enterprise_course_enrollment=enrolled(customer))

    answer = getattr(boss, method)(path_of(licensed))

    assert answer.status_code == 405
    assert answer.json() == {"detail": f'Method "{method.upper()}" not allowed.'}
    assert getattr(as_user(factories.UserFactory()), method)(path_of(licensed)).status_code == 403
    assert boss.get(cancel_path(licensed)).status_code == 405


# --- cancelling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_cancelling_unenrolls_the_learner_and_revokes_all_that_paid(
    boss, customer, told, slash, django_capture_on_commit_callbacks
):
    enrollment = enrolled(customer)
    credit = factories.LearnerCreditFactory(enterprise_course_enrollment=enrollment)
    licensed = factories.LicenseFactory(enterprise_course_enrollment=enrollment)
    other = factories.LicenseFactory(enterprise_course_enrollment=enrolled(customer))

    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.post(cancel_path(credit) + slash)

    assert (answer.status_code, answer.content) == (204, b"")
    assert plain(enrollment) == ("verified", False)
    assert flags(enrollment) == FLAGGED
    assert (is_revoked(credit), is_revoked(licensed), is_revoked(other)) == (True, True, False)
    assert history(credit) == history(licensed) == history(enrollment) == "+~"
    assert [each["uuid"] for each in told] == [str(credit.uuid)]
    assert credit.history.first().history_user is not None


def test_cancelling_again_says_so_and_leaves_the_enrollment_alone(boss, customer):
    enrollment = enrolled(customer)
    credit = factories.LearnerCreditFactory(enterprise_course_enrollment=enrollment, is_revoked=True)

    answer = boss.post(cancel_path(credit))

    assert (answer.status_code, answer.json()) == (200, {"detail": "Enrollment is already canceled."})
    assert plain(enrollment) == ("verified", True)
    assert flags(enrollment) == NEVER


def test_an_enrollment_that_is_inactive_already_can_be_cancelled(boss, customer):
    enrollment = enrolled(customer, is_active=False)
    credit = factories.LearnerCreditFactory(enterprise_course_enrollment=enrollment)

    assert boss.post(cancel_path(credit)).status_code == 204
    assert is_revoked(credit)
    assert flags(enrollment) == FLAGGED


def test_without_a_plain_enrollment_nothing_is_revoked(boss, customer):
    enrollment = enrolled(customer, mode=None)
    licensed = factories.LicenseFactory(enterprise_course_enrollment=enrollment)
    username = enrollment.enterprise_customer_user.user_fk.username

    answer = boss.post(cancel_path(licensed))

    assert answer.status_code == 422
    assert answer.json().startswith(
        f"Subsidized enrollment terminations error: unable to unenroll User {username} from Course {RUN} because: "
    )
    assert not is_revoked(licensed)
    assert flags(enrollment) == NEVER


def test_another_customers_enrollment_in_the_run_ends_too_and_strangers_stay(boss, customer):
    user = factories.UserFactory()
    mine = enrolled(customer, user=user)
    theirs = factories.EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=factories.LearnerFactory(user=user, active=False), course_id=RUN
    )
    paid = factories.LicenseFactory(enterprise_course_enrollment=mine)
    paid_elsewhere = factories.LicenseFactory(enterprise_course_enrollment=theirs)
    stranger = enrolled(factories.EnterpriseCustomerFactory())

    assert boss.post(cancel_path(paid)).status_code == 204

    assert flags(theirs) == FLAGGED
    assert is_revoked(paid_elsewhere)
    assert flags(stranger) == NEVER


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_of_cancellations_at_the_same_time_one_works(as_user, told):
    customer = factories.EnterpriseCustomerFactory()
    admin = factories.customer_admin(customer)
    enrollment = enrolled(customer)
    credit = factories.LearnerCreditFactory(enterprise_course_enrollment=enrollment)
    statuses = []

    assert at_once(*[lambda: statuses.append(as_user(admin).post(cancel_path(credit)).status_code)] * 4) == []

    assert sorted(statuses) == [200, 200, 200, 204]
    assert len(told) == 1
    assert history(credit) == history(enrollment) == "+~"


# --- what ended ---------------------------------------------------------------------------------------------------


def ended(customer, days, *, kind=factories.LearnerCreditFactory, mode="verified", is_active=False, **fields):
    moment = timezone.now() - timedelta(days=days)
    enrollment = enrolled(customer, mode=mode, is_active=is_active, unenrolled=True, unenrolled_at=moment, **fields)
    return kind(enterprise_course_enrollment=enrollment, is_revoked=True)


def uuids(answer):
    assert answer.status_code == 200
    return [each["uuid"] for each in answer.json()]


def test_fulfillments_of_all_customers_whose_enrollments_ended_are_listed(op, customer):
    other = factories.EnterpriseCustomerFactory()
    later = ended(customer, 1)
    sooner = ended(other, 3, linked=False)
    never_enrolled = ended(customer, 2, mode=None)
    back = ended(customer, 2, is_active=True)
    licensed = ended(customer, 2, kind=factories.LicenseFactory)
    standing = factories.LearnerCreditFactory(enterprise_course_enrollment=enrolled(customer))
    LearnerCreditEnterpriseCourseEnrollment.objects.filter(pk=later.pk).update(is_revoked=False)

    answer = op.get(UNENROLLED)

    assert uuids(answer) == [str(each.uuid) for each in (sooner, never_enrolled, later)]
    assert {str(back.uuid), str(standing.uuid), str(licensed.uuid)}.isdisjoint(uuids(answer))
    shown = answer.json()[2]
    enrollment = later.enterprise_course_enrollment
    assert shown == {
        "enterprise_course_enrollment": {
            "enterprise_customer_user": enrollment.enterprise_customer_user_id,
            "course_id": RUN,
            "unenrolled_at": f"{enrollment.unenrolled_at.replace(tzinfo=None).isoformat()}Z",
            "created": f"{enrollment.created.replace(tzinfo=None).isoformat()}Z",
        },
        "transaction_id": str(later.transaction_id),
        "uuid": str(later.uuid),
    }


@pytest.mark.parametrize("value", ["1", "true", "false", "0"])
def test_any_text_asks_for_licenses_instead(op, customer, value):
    ended(customer, 1)
    licensed = ended(customer, 1, kind=factories.LicenseFactory)

    answer = op.get(UNENROLLED + "/", {"retrieve_licensed_enrollments": value})

    assert uuids(answer) == [str(licensed.uuid)]
    assert answer.json()[0]["license_uuid"] == str(licensed.license_uuid)


def test_an_empty_text_asks_for_learner_credit(op, customer):
    credit = ended(customer, 1)

    assert uuids(op.get(UNENROLLED, {"retrieve_licensed_enrollments": "", "unenrolled_after": ""})) == [
        str(credit.uuid)
    ]


@pytest.mark.parametrize("form", ["{}Z", "{}+00:00", "{} 00:00", "{}"])
def test_the_moment_narrows_and_counts_itself(op, customer, form):
    moment = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    ended(customer, 1)  # years before
    exact, after = (
        factories.LearnerCreditFactory(
            enterprise_course_enrollment=enrolled(customer, mode=None, unenrolled_at=moment + timedelta(seconds=late))
        )
        for late in (0, 1)
    )
    factories.LearnerCreditFactory(
        enterprise_course_enrollment=enrolled(customer, mode=None, unenrolled_at=moment - timedelta(microseconds=1))
    )

    answer = op.get(UNENROLLED, {"unenrolled_after": form.format("2031-01-02T03:04:05")})

    assert uuids(answer) == [str(exact.uuid), str(after.uuid)]


@pytest.mark.parametrize("text", ["soon", "2031-13-01T00:00:00Z", "1", "0001-01-01T00:00:00+14:00"])
def test_a_text_that_is_no_moment_is_refused(op, text):
    answer = op.get(UNENROLLED, {"unenrolled_after": text})

    assert answer.status_code == 400
    assert list(answer.json()) == ["unenrolled_after"]


def test_only_operators_may_list_what_ended(client, as_user, customer):
    for name, account in callers(customer).items():
        answer = (client if account is None else as_user(account)).get(UNENROLLED)
        assert answer.status_code == {"operator": 200, "superuser": 200, "anonymous": 401}.get(name, 403), name
        if answer.status_code == 403:
            assert answer.json() == {"detail": "MISSING: enterprise.can_manage_enterprise_fulfillments"}


def test_the_list_costs_two_statements_whatever_its_length(op, customer, django_assert_num_queries):
    for number in (1, 9):
        for _ in range(number):
            ended(customer, 1)
        with django_assert_num_queries(2):
            op.get(UNENROLLED)
    assert len(uuids(op.get(UNENROLLED))) == 10
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 0
