"""Reading notifications (contract: enterprise-customers 4.11)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from enrollments.models import User
from enterprise.models import AdminNotification, AdminNotificationRead, EnterpriseCustomer, EnterpriseCustomerUser
from tests.factories import (
    EnterpriseCustomerFactory,
    LearnerFactory,
    NotificationFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

ADDRESS = "/enterprise/api/v1/read_notification"
FAILED = {"error": "Notification read request failed"}
MISSING = "Some required parameter(s) missing: "


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="globex")


@pytest.fixture
def admin(customer: EnterpriseCustomer) -> User:
    return customer_admin(customer)


@pytest.fixture
def boss(as_user: Any, admin: User) -> APIClient:
    return as_user(admin)


@pytest.fixture
def notification() -> AdminNotification:
    return NotificationFactory()


def reads() -> list[tuple[int, int, bool]]:
    rows = AdminNotificationRead.objects.values_list(
        "enterprise_customer_user__user_id", "admin_notification_id", "is_read"
    )
    return list(rows)


def test_a_notification_is_read_once_and_for_all(boss: APIClient, admin: User, notification: AdminNotification) -> None:
    shown = "/enterprise/api/v1/enterprise-customer/"
    assert boss.get(shown).json()["results"][0]["enterprise_notification_banner"]["id"] == notification.pk
    sent = {"notification_id": notification.pk, "enterprise_slug": "globex"}
    for _ in range(2):
        response = boss.post(ADDRESS, sent)
        assert (response.status_code, response.json()) == (200, sent)
    assert reads() == [(admin.pk, notification.pk, True)]
    assert boss.get(shown).json()["results"][0]["enterprise_notification_banner"] == {"title": "", "text": ""}


def test_a_row_that_says_unread_is_turned(boss: APIClient, admin: User, notification: AdminNotification) -> None:
    link = EnterpriseCustomerUser.objects.get(user_id=admin.pk)
    AdminNotificationRead.objects.create(enterprise_customer_user=link, admin_notification=notification)
    assert boss.post(ADDRESS, {"notification_id": notification.pk, "enterprise_slug": "globex"}).status_code == 200
    assert reads() == [(admin.pk, notification.pk, True)]


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_values_are_echoed_as_they_came(boss: APIClient, notification: AdminNotification, form: str) -> None:
    sent = {"notification_id": str(notification.pk), "enterprise_slug": "globex"}
    assert boss.post(ADDRESS, sent, format=form).json() == sent


def test_parameters_may_stand_in_the_query_and_the_body_counts_first(
    boss: APIClient, notification: AdminNotification
) -> None:
    response = boss.post(
        f"{ADDRESS}?notification_id={notification.pk}&enterprise_slug=other", {"enterprise_slug": "globex"}
    )
    assert response.json() == {"notification_id": str(notification.pk), "enterprise_slug": "globex"}
    assert boss.post(f"{ADDRESS}?notification_id={notification.pk}&enterprise_slug=globex").status_code == 200


@pytest.mark.parametrize(
    ("sent", "missing"),
    [
        ({}, "notification_id, enterprise_slug"),
        ({"notification_id": 7}, "enterprise_slug"),
        ({"enterprise_slug": "globex"}, "notification_id"),
        ({"notification_id": "", "enterprise_slug": None}, "notification_id, enterprise_slug"),
        ([], "notification_id, enterprise_slug"),
    ],
)
def test_missing_parameters_are_named_in_order(boss: APIClient, sent: Any, missing: str) -> None:
    response = boss.post(ADDRESS, sent)
    assert (response.status_code, response.json()) == (400, {"error": MISSING + missing})


@pytest.mark.parametrize(
    "changed",
    [
        {"notification_id": 987654},
        {"notification_id": "zz"},
        {"notification_id": "99999999999999999999999"},
        {"notification_id": "00000000000000000001" + "9" * 30},
        {"notification_id": -1},
        {"notification_id": 1.5},
        {"notification_id": True},
        {"notification_id": [1]},
        {"notification_id": {"a": 1}},
        {"enterprise_slug": "nobody"},
        {"enterprise_slug": ["globex"]},
        {"enterprise_slug": "other"},
        {"enterprise_slug": "x" * 5000},
    ],
)
def test_what_cannot_be_read_is_not_found(boss: APIClient, notification: AdminNotification, changed: Any) -> None:
    EnterpriseCustomerFactory(slug="other")
    response = boss.post(ADDRESS, {"notification_id": notification.pk, "enterprise_slug": "globex", **changed})
    assert (response.status_code, response.json()) == (404, FAILED)
    assert reads() == []


@pytest.mark.parametrize("name", ["notification_id", "enterprise_slug"])
def test_a_file_of_a_form_names_nothing(boss: APIClient, notification: AdminNotification, name: str) -> None:
    sent = {"notification_id": str(notification.pk), "enterprise_slug": "globex"}
    response = boss.post(ADDRESS, {**sent, name: SimpleUploadedFile(sent[name], b"content")}, format="multipart")
    assert (response.status_code, response.json()) == (404, FAILED)
    assert reads() == []


def test_an_unlinked_admin_and_an_inactive_customer_are_not_found(
    boss: APIClient, as_user: Any, customer: EnterpriseCustomer, notification: AdminNotification
) -> None:
    sent = {"notification_id": notification.pk, "enterprise_slug": "globex"}
    unlinked = UserFactory()
    RoleAssignmentFactory(user=unlinked, enterprise_customer=customer)
    LearnerFactory(enterprise_customer=customer, user=unlinked, linked=False)
    assert as_user(unlinked).post(ADDRESS, sent).status_code == 404
    EnterpriseCustomer.all_objects.update(active=False)
    assert boss.post(ADDRESS, sent).status_code == 404
    assert reads() == []


def test_the_permission_comes_first_and_counts_for_any_customer(
    as_user: Any, client: APIClient, customer: EnterpriseCustomer, notification: AdminNotification
) -> None:
    sent = {"notification_id": notification.pk, "enterprise_slug": "globex"}
    assert client.post(ADDRESS, {}).status_code == 401
    learner = LearnerFactory(enterprise_customer=customer).user_fk
    for user in (UserFactory(), learner, UserFactory(staff=True)):
        response = as_user(user).post(ADDRESS, {})
        assert response.json() == {"detail": "Missing: enterprise.can_access_admin_dashboard"}
    elsewhere = customer_admin(EnterpriseCustomerFactory())
    assert as_user(elsewhere).post(ADDRESS, {}).status_code == 400
    assert as_user(elsewhere).post(ADDRESS, sent).status_code == 404
    LearnerFactory(enterprise_customer=customer, user=elsewhere)
    assert as_user(elsewhere).post(ADDRESS, sent).status_code == 200
    assert as_user(operator()).post(ADDRESS, sent).status_code == 404
    assert as_user(UserFactory(superuser=True)).post(ADDRESS, sent).status_code == 404


def test_only_post_and_no_slash(boss: APIClient) -> None:
    response = boss.get(ADDRESS)
    assert (response.status_code, response.json()) == (405, {"detail": 'Method "GET" not allowed.'})
    assert boss.post(f"{ADDRESS}/", {}).status_code == 404


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_reading_twice_at_the_same_time_is_reading_once(as_user: Any) -> None:
    user = customer_admin(EnterpriseCustomerFactory(slug="globex"))
    sent = {"notification_id": NotificationFactory().pk, "enterprise_slug": "globex"}
    answers: list[int] = []
    clients = [as_user(user) for _ in range(4)]
    assert not at_once(*[lambda each=each: answers.append(each.post(ADDRESS, sent).status_code) for each in clients])
    assert (answers, len(reads())) == ([200] * 4, 1)
