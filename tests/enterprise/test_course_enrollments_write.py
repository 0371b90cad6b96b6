"""`enterprise-course-enrollment`: what order services make, and what is deleted for good."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from enrollments.models import CourseEnrollment, User
from enterprise.models import (
    DefaultEnterpriseEnrollmentRealization,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
)
from tests.factories import (
    CourseEnrollmentFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerCreditFactory,
    LearnerFactory,
    LicenseFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

LIST = "/enterprise/api/v1/enterprise-course-enrollment/"
RUN = "course-v1:Acme+Sail+T1"
FORBIDDEN = {"detail": "You do not have permission to perform this action."}


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


def may(user: User, *actions: str) -> User:
    names = [f"{action}_enterprisecourseenrollment" for action in actions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label="enterprise"))
    return user


@pytest.fixture
def orders(as_user: Any) -> APIClient:
    """An order service's account."""
    return as_user(may(UserFactory(username="orders"), "add"))


# --- POST -----------------------------------------------------------------------------------------------------------


def test_an_order_service_makes_an_enrollment_without_a_plain_one(
    orders: APIClient, customer: EnterpriseCustomer
) -> None:
    mia = UserFactory(username="mia")
    LearnerFactory(user=mia, active=False)
    link = LearnerFactory(enterprise_customer=customer, user=mia)
    answer = orders.post(LIST, {"username": "mia", "course_id": RUN, "consent_granted": True})
    assert (answer.status_code, answer.json()) == (201, {"username": "mia", "course_id": RUN})
    (made,) = EnterpriseCourseEnrollment.objects.all()
    assert (made.enterprise_customer_user_id, made.course_id) == (link.pk, RUN)
    assert made.enterprise_customer_id == customer.pk
    assert getattr(made.source, "slug", None) == "offer_redemption"
    assert (made.saved_for_later, made.unenrolled) == (False, None)
    assert not CourseEnrollment.objects.exists()
    (change,) = EnterpriseCourseEnrollment.history.all()
    assert (change.history_type, change.history_user.username) == ("+", "orders")


def test_an_enrollment_that_exists_is_answered_with_201_and_left_alone(
    orders: APIClient, customer: EnterpriseCustomer
) -> None:
    link = LearnerFactory(enterprise_customer=customer, user=UserFactory(username="mia"))
    row = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=link, course_id=RUN, unenrolled=True, saved_for_later=True
    )
    answer = orders.post(LIST, {"username": "mia", "course_id": RUN}, format="multipart")
    assert (answer.status_code, answer.json()) == (201, {"username": "mia", "course_id": RUN})
    row.refresh_from_db()
    assert (row.unenrolled, row.saved_for_later, row.source) == (True, True, None)
    assert EnterpriseCourseEnrollment.objects.count() == 1


REQUIRED = ["This field is required."]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"username": "nobody", "course_id": RUN}, {"username": ["User does not exist"]}),
        ({"username": "MIA", "course_id": RUN}, {"username": ["User does not exist"]}),
        ({"username": "free", "course_id": RUN}, {"username": ["User has no EnterpriseCustomerUser"]}),
        ({"username": "gone", "course_id": RUN}, {"username": ["User has no EnterpriseCustomerUser"]}),
        ({}, {"username": REQUIRED, "course_id": REQUIRED}),
        ({"username": "mia"}, {"course_id": REQUIRED}),
        ({"username": "nobody"}, {"username": ["User does not exist"], "course_id": REQUIRED}),
        ({"username": None, "course_id": ""}, {
            "username": ["This field may not be null."], "course_id": ["This field may not be blank."]}),
        ({"username": ["mia"], "course_id": {}}, {
            "username": ["Not a valid string."], "course_id": ["Not a valid string."]}),
        ({"username": "m" * 31, "course_id": "c" * 256}, {
            "username": ["Ensure this field has no more than 30 characters."],
            "course_id": ["Ensure this field has no more than 255 characters."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ],
)  # fmt: skip
def test_a_body_that_will_not_do_is_refused_field_by_field(
    orders: APIClient, customer: EnterpriseCustomer, body: Any, errors: dict[str, list[str]]
) -> None:
    LearnerFactory(enterprise_customer=customer, user=UserFactory(username="mia"))
    UserFactory(username="free")
    LearnerFactory(enterprise_customer=customer, user=UserFactory(username="gone"), linked=False, active=False)
    answer = orders.post(LIST, body, format="json")
    assert (answer.status_code, answer.json()) == (400, errors)
    assert not EnterpriseCourseEnrollment.objects.exists()


def test_writing_needs_djangos_permission_before_the_body_is_looked_at(
    as_user: Any, customer: EnterpriseCustomer
) -> None:
    row = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=LearnerFactory(enterprise_customer=customer, user=UserFactory())
    )
    learner = row.enterprise_customer_user.user_fk
    for user in (
        UserFactory(),
        learner,
        customer_admin(customer),
        customer_admin(EnterpriseCustomerFactory()),
        operator(),
        UserFactory(staff=True),
        may(UserFactory(), "change", "delete", "view"),
    ):
        answer = as_user(user).post(LIST, [])
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    for user in (learner, customer_admin(customer), operator(), UserFactory(staff=True), may(UserFactory(), "add")):
        answer = as_user(user).delete(f"{LIST}{row.pk}/")
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert as_user(UserFactory(superuser=True)).post(LIST, {}).status_code == 400
    assert as_user(may(UserFactory(is_active=False), "add")).post(LIST, {}).status_code == 403
    assert EnterpriseCourseEnrollment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_the_same_order_at_the_same_time_makes_one_enrollment(as_user: Any) -> None:
    mia = UserFactory(username="mia")
    LearnerFactory(user=mia)
    client = as_user(may(UserFactory(), "add"))
    answers: list[int] = []

    def order() -> None:
        answers.append(client.post(LIST, {"username": "mia", "course_id": RUN}).status_code)

    assert not at_once(*[order] * 6)
    assert answers == [201] * 6
    assert EnterpriseCourseEnrollment.objects.count() == 1
    assert EnterpriseCourseEnrollment.history.count() == 1


# --- DELETE ---------------------------------------------------------------------------------------------------------


def test_deleting_removes_the_enrollment_and_what_pays_for_it_and_nothing_else(
    as_user: Any, customer: EnterpriseCustomer
) -> None:
    mia = UserFactory(username="mia")
    link = LearnerFactory(enterprise_customer=customer, user=mia)
    row = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=RUN)
    LicenseFactory(enterprise_course_enrollment=row)
    LearnerCreditFactory(enterprise_course_enrollment=row)
    kept = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id="course-v1:Acme+Knot+T1")
    LicenseFactory(enterprise_course_enrollment=kept)
    CourseEnrollmentFactory(user=mia, course_id=RUN, mode="verified")
    boss = may(UserFactory(staff=True), "delete")
    answer = as_user(boss).delete(f"{LIST}{row.pk}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert [each.pk for each in EnterpriseCourseEnrollment.all_objects.all()] == [kept.pk]
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 1
    assert not LearnerCreditEnterpriseCourseEnrollment.objects.exists()
    assert CourseEnrollment.objects.get().is_active
    change = EnterpriseCourseEnrollment.history.filter(history_type="-").get()
    assert (change.id, change.history_user_id) == (row.pk, boss.pk)
    assert LicensedEnterpriseCourseEnrollment.history.filter(history_type="-").count() == 1
    assert as_user(boss).delete(f"{LIST}{row.pk}/").json() == {
        "detail": "No EnterpriseCourseEnrollment matches the given query."
    }


def test_deleting_sees_the_same_rows_as_reading(as_user: Any, customer: EnterpriseCustomer) -> None:
    mine = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=LearnerFactory(enterprise_customer=customer, user=UserFactory())
    )
    foreign = EnterpriseCourseEnrollmentFactory()
    hidden = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=LearnerFactory(
            enterprise_customer=customer, user=UserFactory(), linked=False, active=False
        )
    )
    boss = as_user(may(customer_admin(customer), "delete"))
    assert boss.delete(f"{LIST}{foreign.pk}/").status_code == 404
    assert boss.delete(f"{LIST}{hidden.pk}/").status_code == 404
    assert boss.delete(f"{LIST}x/").json() == {"detail": "Not found."}
    assert boss.delete(f"{LIST}{mine.pk}/").status_code == 204
    assert EnterpriseCourseEnrollment.all_objects.count() == 2


def test_deleting_costs_the_same_with_and_without_fulfillments(as_user: Any, customer: EnterpriseCustomer) -> None:
    client = as_user(UserFactory(staff=True, superuser=True))
    rows = [EnterpriseCourseEnrollmentFactory(course_id=f"course-v1:Acme+C{n}+T1") for n in range(2)]
    LicenseFactory(enterprise_course_enrollment=rows[1])
    counted = []
    for row in rows:
        with CaptureQueriesContext(connection) as captured:
            assert client.delete(f"{LIST}{row.pk}/").status_code == 204
        counted.append(len(captured))
    assert counted[1] == counted[0] + 2  # the license's history and its deletion
    assert not DefaultEnterpriseEnrollmentRealization.objects.exists()
