"""GET enrollment/{username_or_email}: what a learner is enrolled in (contract: support)."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken

from enrollments.models import CourseEnrollmentAttribute, ManualEnrollmentAudit, VerificationDeadline
from support.serializers.enrollments import LearnerEnrollmentSerializer
from tests.factories import (
    CatalogFactory,
    ConsentFactory,
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    LicenseFactory,
    UserFactory,
)
from tests.support.agents import ANONYMOUS, agent, signed_in

pytestmark = pytest.mark.django_db
BIO = "course-v1:OakU+BIO1+2024"
Transition = ManualEnrollmentAudit.Transition


def url(person: str) -> str:
    return f"/support/enrollment/{person}"


@pytest.fixture
def desk(as_user):
    return as_user(agent())


@pytest.fixture
def bio():
    return CourseRunFactory(id=BIO, course=None, display_name="Biology One", start=datetime(2024, 1, 15, tzinfo=UTC))


def only(desk, person="mira"):
    (row,) = desk.get(url(person)).json()
    return row


def audit(enrollment, **fields):
    values = {
        "enrolled_email": enrollment.user.email,
        "state_transition": Transition.ENROLLED_TO_ENROLLED,
        **fields,
    }
    return ManualEnrollmentAudit.objects.create(enrollment=enrollment, **values)


def attribute(enrollment, name, value, namespace="order"):
    CourseEnrollmentAttribute.objects.create(enrollment=enrollment, namespace=namespace, name=name, value=value)


# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post", "patch"])
def test_whoever_is_not_signed_in_is_sent_to_sign_in(client, method):
    answer = getattr(client, method)(url("mira@oak.example") + "?a=b")
    assert (answer.status_code, answer["Location"]) == (
        302,
        "/login?next=/support/enrollment/mira%40oak.example%3Fa%3Db",
    )


@pytest.mark.parametrize("header", ["Bearer {}", "Basic c3VlOnNlY3JldA==", "Token abc"])
def test_credentials_that_do_not_count_at_the_desk_are_none(client, mira, header):
    token = AccessToken.objects.create(
        user=agent(), token="opaque-1", scope="read", expires=timezone.now() + timedelta(days=1)
    )
    headers = {"Authorization": header.format(token.token)}
    answer = client.get(url("mira"), headers=headers)
    assert (answer.status_code, answer["Location"]) == (302, "/login?next=/support/enrollment/mira")
    other = client.get("/support/course_reset/mira", headers=headers)
    assert (other.status_code, other.json()) == (401, ANONYMOUS)


@pytest.mark.parametrize("header", ["JWT abc.def.ghi", "JWT", "JWT a b"])
def test_a_malformed_jwt_is_told_instead_of_sent_to_sign_in(client, mira, header):
    answer = client.get(url("mira"), headers={"Authorization": header})
    assert (answer.status_code, list(answer.json())) == (401, ["detail"])


@pytest.mark.parametrize("method", ["get", "post", "patch"])
@pytest.mark.parametrize("fields", [{}, {"superuser": True}], ids=["learner", "superuser"])
def test_whoever_is_no_agent_is_refused_without_a_word(as_user, method, fields):
    answer = getattr(as_user(UserFactory(**fields)), method)(url("mira"), {"course_id": 7}, format="json")
    assert (answer.status_code, answer.content) == (403, b"")


def test_learners_are_refused_their_own_enrollments(as_user, mira):
    assert as_user(mira).get(url("mira")).status_code == 403


def test_an_agent_who_is_inactive_is_refused_and_inactive_staff_are_not(as_user):
    assert as_user(agent(is_active=False)).get(url("ghost")).status_code == 403
    assert as_user(UserFactory(staff=True, is_active=False)).get(url("ghost")).status_code == 200


def test_agents_and_staff_may_with_a_session_too(mira):
    for account in (agent(), UserFactory(staff=True)):
        assert signed_in(account).get(url("mira")).json() == []


@pytest.mark.parametrize("method", ["put", "delete"])
def test_other_methods_are_not_allowed(desk, method):
    assert getattr(desk, method)(url("mira")).status_code == 405


@pytest.mark.parametrize("path", ["mira/", "mi ra", "mi!ra", "mi%25ra", "mira%0A", "mira/x"])
def test_no_other_path_leads_to_a_person(desk, mira, path):
    assert desk.get(url(path)).status_code == 404


# --- The list ---------------------------------------------------------------------------------------------------------


def test_an_enrollment_is_shown_with_all_that_belongs_to_it(desk, mira, bio):
    bio.enrollment_start = datetime(2023, 12, 1, tzinfo=UTC)
    bio.save()
    CourseModeFactory(
        course_id=BIO,
        mode_slug="verified",
        min_price=99,
        expiration_datetime=datetime(2024, 5, 1, tzinfo=UTC),
        sku="SKU9",
    )
    VerificationDeadline.objects.create(course_id=BIO, deadline=datetime(2024, 6, 1, tzinfo=UTC))
    enrollment = CourseEnrollmentFactory(
        user=mira, course_id=BIO, created=datetime(2024, 2, 1, 9, 30, 0, 123456, tzinfo=UTC)
    )
    attribute(enrollment, "order_number", "OAK-100024")
    attribute(enrollment, "source_system", "commercetools")
    audit(
        enrollment,
        enrolled_by=UserFactory(email="agent@oak.example"),
        time_stamp=datetime(2024, 2, 2, 8, 0, 0, 1, tzinfo=UTC),
        reason="Upset Learner",
    )
    fern = EnterpriseCustomerFactory(name="Fern Ltd")
    link = LearnerFactory(enterprise_customer=fern, user=mira)
    LicenseFactory(
        enterprise_course_enrollment=EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=BIO),
        license_uuid=uuid.UUID("5c5d9a0e-0d39-4d9b-9b55-0d7b8a3b1a11"),
    )
    ConsentFactory(enterprise_customer=fern, username="mira", course_id=BIO, granted=True)

    answer = desk.get(url("mira"))

    assert answer.json() == [
        {
            "created": "2024-02-01T09:30:00.123456Z",
            "mode": "audit",
            "is_active": True,
            "user": "mira",
            "course_id": BIO,
            "course_name": "Biology One",
            "enrollment_start": "2023-12-01T00:00:00Z",
            "enrollment_end": None,
            "course_start": "2024-01-15T00:00:00Z",
            "course_end": None,
            "invite_only": False,
            "course_modes": [
                {
                    "slug": "verified",
                    "name": "Verified",
                    "min_price": 99,
                    "suggested_prices": "",
                    "currency": "usd",
                    "expiration_datetime": "2024-05-01T00:00:00Z",
                    "description": None,
                    "sku": "SKU9",
                    "bulk_sku": None,
                }
            ],
            "pacing_type": "Instructor Paced",
            "verified_price": 99,
            "verified_upgrade_deadline": "2024-05-01T00:00:00Z",
            "verification_deadline": "2024-06-01T00:00:00Z",
            "order_number": "OAK-100024",
            "source_system": "commercetools",
            "manual_enrollment": {
                "enrolled_by": "agent@oak.example",
                "time_stamp": "2024-02-02T08:00:00.000001Z",
                "reason": "Upset Learner",
            },
            "enterprise_course_enrollments": [
                {
                    "course_id": BIO,
                    "enterprise_customer_name": "Fern Ltd",
                    "enterprise_customer_user_id": link.pk,
                    "license": {"uuid": "5c5d9a0e-0d39-4d9b-9b55-0d7b8a3b1a11", "is_revoked": False},
                    "saved_for_later": False,
                    "data_sharing_consent": {
                        "username": "mira",
                        "enterprise_customer_uuid": str(fern.pk),
                        "exists": True,
                        "consent_provided": True,
                        "consent_required": False,
                        "course_id": BIO,
                    },
                }
            ],
        }
    ]
    assert answer["Content-Type"].startswith("application/json")
    assert answer.content.startswith(b'[\n  {\n    "created": "2024-02-01T09:30:00.123456Z"')
    assert set(answer.json()[0]) == set(LearnerEnrollmentSerializer().fields)


def test_an_unknown_person_has_no_enrollments(desk):
    answer = desk.get(url("ghost"))
    assert (answer.status_code, answer.json()) == (200, [])


def test_active_and_inactive_ones_are_listed_the_oldest_first(desk, mira):
    runs = [CourseRunFactory() for _ in range(3)]
    moments = [timezone.now() - timedelta(days=days) for days in (1, 3, 2)]
    for run, created in zip(runs, moments, strict=True):
        CourseEnrollmentFactory(user=mira, course_id=run.pk, created=created, is_active=run is not runs[1])
    CourseEnrollmentFactory(course_id=runs[0].pk)
    for person in ("mira", "mira@oak.example"):
        rows = desk.get(url(person)).json()
        assert [(row["course_id"], row["is_active"]) for row in rows] == [
            (runs[1].pk, False),
            (runs[2].pk, True),
            (runs[0].pk, True),
        ]


def test_enrollments_in_runs_that_are_gone_are_left_out_with_one_warning(desk, mira, bio, caplog):
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    for number in range(2):
        CourseEnrollmentFactory(user=mira, course_id=f"course-v1:OakU+GONE+{number}")
    with caplog.at_level(logging.WARNING, logger="support"):
        assert only(desk)["course_id"] == BIO
    (record,) = [record for record in caplog.records if record.name.startswith("support")]
    assert "mira" in record.getMessage()
    assert "course-v1:OakU+GONE+1" in record.getMessage()


def test_a_learner_whose_runs_are_all_gone_has_none(desk, mira):
    CourseEnrollmentFactory(user=mira, course_id="course-v1:OakU+GONE+1")
    assert desk.get(url("mira")).json() == []


def test_a_run_paced_by_its_learners_says_so(desk, mira, bio):
    bio.self_paced = True
    bio.save()
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    assert only(desk)["pacing_type"] == "Self Paced"


# --- Modes ------------------------------------------------------------------------------------------------------------


def test_expired_modes_and_credit_are_listed_and_suggested_prices_stay_text(desk, mira, bio):
    CourseModeFactory(course_id=BIO, mode_slug="audit", suggested_prices="10,20")
    CourseModeFactory(course_id=BIO, mode_slug="verified", expired=True)
    CourseModeFactory(course_id=BIO, mode_slug="credit")
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    modes = only(desk)["course_modes"]
    assert [(mode["slug"], mode["suggested_prices"]) for mode in modes] == [
        ("audit", "10,20"),
        ("verified", ""),
        ("credit", ""),
    ]


def test_a_run_without_modes_has_the_implied_one_and_nothing_verified(desk, mira, bio):
    VerificationDeadline.objects.create(course_id=BIO, deadline=timezone.now())
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    row = only(desk)
    assert row["course_modes"] == [
        {
            "slug": "audit",
            "name": "Audit",
            "min_price": 0,
            "suggested_prices": "",
            "currency": "usd",
            "expiration_datetime": None,
            "description": None,
            "sku": None,
            "bulk_sku": None,
        }
    ]
    assert not {"verified_price", "verified_upgrade_deadline", "verification_deadline"} & set(row)


def test_deadlines_of_a_verified_mode_may_be_missing_or_past(desk, mira, bio):
    mode = CourseModeFactory(course_id=BIO, mode_slug="verified", min_price=7)
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    row = only(desk)
    assert (row["verified_price"], row["verified_upgrade_deadline"], row["verification_deadline"]) == (7, None, None)
    mode.expiration_datetime = datetime(2020, 5, 1, tzinfo=UTC)
    mode.save()
    assert only(desk)["verified_upgrade_deadline"] == "2020-05-01T00:00:00Z"


# --- Orders and audits ------------------------------------------------------------------------------------------------


def test_the_last_order_number_and_the_first_source_system_count(desk, mira, bio, caplog):
    enrollment = CourseEnrollmentFactory(user=mira, course_id=BIO)
    for number in ("OAK-1", "OAK-2"):
        attribute(enrollment, "order_number", number)
        attribute(enrollment, "source_system", f"system of {number}")
    attribute(enrollment, "order_number", "no order", namespace="credit")
    with caplog.at_level(logging.WARNING, logger="support"):
        row = only(desk)
    assert (row["order_number"], row["source_system"]) == ("OAK-2", "system of OAK-1")
    (record,) = [record for record in caplog.records if record.name.startswith("support")]
    assert "mira" in record.getMessage()
    assert BIO in record.getMessage()


def test_without_an_order_or_an_audit_both_are_empty(desk, mira, bio):
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    row = only(desk)
    assert (row["order_number"], row["source_system"], row["manual_enrollment"]) == ("", "", {})


def test_the_latest_audit_is_the_one_with_the_greatest_moment(desk, mira, bio):
    enrollment = CourseEnrollmentFactory(user=mira, course_id=BIO)
    other = CourseEnrollmentFactory(course_id=BIO)
    audit(enrollment, reason="newest", time_stamp=datetime(2024, 4, 2, tzinfo=UTC))
    audit(enrollment, reason="stored later", time_stamp=datetime(2024, 4, 1, tzinfo=UTC))
    audit(other, reason="of another learner", time_stamp=datetime(2025, 4, 1, tzinfo=UTC))
    assert only(desk)["manual_enrollment"] == {
        "enrolled_by": None,
        "time_stamp": "2024-04-02T00:00:00Z",
        "reason": "newest",
    }


# --- Enterprise enrollments -------------------------------------------------------------------------------------------


def test_enterprise_enrollments_of_all_customers_are_listed_with_the_consent_of_each(desk, mira, bio):
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    birch, cedar, dogwood, elm = customers = [EnterpriseCustomerFactory() for _ in range(4)]
    for customer in customers[:3]:
        link = LearnerFactory(enterprise_customer=customer, user=mira, should_inactivate_other_customers=False)
        EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=BIO, saved_for_later=True)
    stranger = LearnerFactory(enterprise_customer=elm)
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=stranger, course_id=BIO)
    ConsentFactory(enterprise_customer=birch, username="mira", course_id=BIO, granted=None)
    ConsentFactory(enterprise_customer=cedar, username="mira", course_id="OakU+BIO1")
    ConsentFactory(enterprise_customer=cedar, username="other", course_id=BIO)
    ConsentFactory(enterprise_customer=dogwood, username="mira", course_id=BIO, granted=False)
    rows = only(desk)["enterprise_course_enrollments"]
    assert [row["enterprise_customer_name"] for row in rows] == [birch.name, cedar.name, dogwood.name]
    consents = [row["data_sharing_consent"] for row in rows]
    assert consents[1] is None
    assert [consents[0]["consent_provided"], consents[2]["consent_provided"]] == [None, False]
    assert {row["license"] for row in rows} == {None}
    assert all(row["saved_for_later"] for row in rows)


def test_an_enterprise_enrollment_in_another_run_does_not_show(desk, mira, bio):
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=LearnerFactory(user=mira))
    assert only(desk)["enterprise_course_enrollments"] == []


def test_an_unlinked_learner_has_no_enterprise_enrollments(desk, mira, bio):
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    link = LearnerFactory(user=mira)
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=BIO)
    assert len(only(desk)["enterprise_course_enrollments"]) == 1
    link.linked = False
    link.save()
    assert only(desk)["enterprise_course_enrollments"] == []


def test_a_revoked_license_says_so(desk, mira, bio):
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    enrollment = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=LearnerFactory(user=mira), course_id=BIO)
    fulfillment = LicenseFactory(enterprise_course_enrollment=enrollment, is_revoked=True)
    (row,) = only(desk)["enterprise_course_enrollments"]
    assert row["license"] == {"uuid": str(fulfillment.license_uuid), "is_revoked": True}


@pytest.mark.parametrize(
    ("granted", "customer", "catalogued", "required"),
    [
        (False, {}, True, True),
        (None, {}, True, True),
        (True, {}, True, False),
        (False, {}, False, False),
        (False, {"enable_data_sharing_consent": False}, True, False),
        (False, {"enforce_data_sharing_consent": "externally_managed"}, True, False),
    ],
    ids=["refused", "unanswered", "granted", "not in a catalog", "no consent asked", "managed elsewhere"],
)
def test_consent_is_required_as_long_as_the_customer_asks_for_it(desk, mira, granted, customer, catalogued, required):
    run = CourseRunFactory(id=BIO, modes=["audit"])
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    asks = {"enable_data_sharing_consent": True, "enforce_data_sharing_consent": "at_enrollment"}
    fern = EnterpriseCustomerFactory(**{**asks, **customer})
    owner = fern if catalogued else EnterpriseCustomerFactory()
    CatalogFactory(enterprise_customer=owner, content_filter={"key": [run.pk]})
    link = LearnerFactory(enterprise_customer=fern, user=mira)
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=BIO)
    ConsentFactory(enterprise_customer=fern, username="mira", course_id=BIO, granted=granted)
    (row,) = only(desk)["enterprise_course_enrollments"]
    assert row["data_sharing_consent"]["consent_required"] is required


# --- What it costs ----------------------------------------------------------------------------------------------------


def enroll_in_much(learner, number, customers):
    """Enrollments with everything that can hang on one, of some customers with open consents."""
    for place in range(number):
        key = f"OakU+N{place}"
        run = CourseRunFactory(id=f"course-v1:{key}+T1", course__key=key, modes=["audit", "verified"])
        VerificationDeadline.objects.create(course_id=run.pk, deadline=timezone.now())
        enrollment = CourseEnrollmentFactory(user=learner, course_id=run.pk)
        attribute(enrollment, "order_number", f"OAK-{place}")
        for _ in range(2):
            audit(enrollment, enrolled_by=UserFactory(profile=None))
        for link in customers:
            enterprise = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=run.pk)
            LicenseFactory(enterprise_course_enrollment=enterprise)
            ConsentFactory(
                enterprise_customer=link.enterprise_customer, username="mira", course_id=run.pk, granted=False
            )


@pytest.mark.parametrize("number", [2, 200])
def test_two_hundred_enrollments_cost_as_many_statements_as_two(desk, mira, number, django_assert_num_queries):
    links = [LearnerFactory(user=mira, should_inactivate_other_customers=False) for _ in range(2)]
    for link in links:
        CatalogFactory(enterprise_customer=link.enterprise_customer, content_filter={"content_type": "course"})
    enroll_in_much(mira, number, links)
    # The caller and their role; the person; enrollments, runs, modes, deadlines, attributes, audits; enterprise
    # enrollments, consents, and three of the catalogs.
    with django_assert_num_queries(14):
        rows = desk.get(url("mira")).json()
    assert len(rows) == number
    (first, _) = rows[0]["enterprise_course_enrollments"]
    assert first["data_sharing_consent"]["consent_required"] is True


def test_nobody_found_costs_little(desk, django_assert_num_queries):
    with django_assert_num_queries(3):
        desk.get(url("ghost"))
