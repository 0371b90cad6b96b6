"""Which rate counts for which call, and when (contract: enterprise-customers 1.1 and 1.3)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from rest_framework.test import APIClient

from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from tests.factories import EnterpriseCustomerFactory, UserFactory

pytestmark = pytest.mark.django_db

API = "/enterprise/api/v1"
GROUP = "enterprise_data_api_access"
OF_CUSTOMERS = (
    "", "basic_list/", "support_tool/", f"with_access_to/?permissions={GROUP}", "dashboard_list/", "{0}/",
    "{0}/toggle_universal_link/", "{0}/unlink_users/", "{0}/unlink_self/", "{0}/contains_content_items/",
    "{0}/course_enrollments/", "{0}/enroll_learners_in_courses/",
)  # fmt: skip
OF_OTHERS = (
    "enterprise-customer-branding/", "enterprise-customer-branding/update-branding/{0}/",
    "enterprise-customer-invite-key/", "enterprise-customer-invite-key/basic-list/",
    "enterprise-customer-invite-key/{0}/link-user/", "enterprise_customer_reporting/",
    "enterprise_customer_reporting/{0}/", "enterprise_catalogs/", "enterprise_catalog_query/",
    "enterprise_customer_catalog/", "request_codes", "read_notification",
    "enterprise-customer-api-credentials/{0}/", "enterprise-customer-api-credentials/{0}/regenerate_credentials",
    "enterprise-learner/", "pending-enterprise-learner/", "link_pending_enterprise_users/{0}",
    "enterprise-course-enrollment/", "enterprise-course-enrollment-admin",
)  # fmt: skip


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(enable_generation_of_api_credentials=True)


@pytest.fixture
def worker(settings: Any) -> User:
    """A service account that passes every permission class."""
    account: User = UserFactory(username="enterprise_worker", staff=True, superuser=True)
    account.groups.add(Group.objects.get(name=GROUP))
    return account


def second_status(client: APIClient, path: str) -> int:
    """The status of the second of two calls; GET reaches the throttle whatever the method of the endpoint is."""
    cache.clear()
    assert client.get(path).status_code != 429, path
    return client.get(path).status_code


@pytest.mark.parametrize(("rate", "expected"), [("HIGH_SERVICE_USER_RATE", True), ("SERVICE_USER_RATE", False)])
def test_all_actions_of_customers_count_for_the_high_rate_of_service_accounts(
    as_user: Any, settings: Any, customer: EnterpriseCustomer, worker: User, rate: str, expected: bool
) -> None:
    setattr(settings, rate, "1/minute")
    client = as_user(worker)
    for path in OF_CUSTOMERS:
        status = second_status(client, f"{API}/enterprise-customer/{path.format(customer.pk)}")
        assert (status == 429) is expected, path


@pytest.mark.parametrize(("rate", "expected"), [("SERVICE_USER_RATE", True), ("HIGH_SERVICE_USER_RATE", False)])
def test_all_others_count_for_the_plain_rate_of_service_accounts(
    as_user: Any, settings: Any, customer: EnterpriseCustomer, worker: User, rate: str, expected: bool
) -> None:
    setattr(settings, rate, "1/minute")
    client = as_user(worker)
    for path in OF_OTHERS:
        assert (second_status(client, f"{API}/{path.format(customer.pk)}") == 429) is expected, path


def test_the_rate_is_asked_after_the_permission_class_and_before_method_and_role(
    as_user: Any, settings: Any, customer: EnterpriseCustomer
) -> None:
    settings.USER_RATE = "1/minute"
    client = as_user(UserFactory())
    assert client.get(f"{API}/enterprise-customer/").status_code == 200
    assert client.get(f"{API}/enterprise-customer/with_access_to/").status_code == 403
    assert client.put(f"{API}/enterprise-customer/{customer.pk}/").status_code == 403
    for path in ("enterprise-customer/dashboard_list/", "enterprise-customer-invite-key/", "request_codes"):
        response = client.get(f"{API}/{path}")  # else a 403 of the role, or a 405
        assert response.status_code == 429
        seconds = response.headers["Retry-After"]
        assert response.json() == {"detail": f"Request was throttled. Expected available in {seconds} seconds."}
