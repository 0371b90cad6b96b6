"""A customer with its admin, a run and a learner, and the call that enrolls."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.response import Response
from rest_framework.test import APIClient

from enrollments.models import CourseOverview, User
from enterprise.models import EnterpriseCustomer
from tests.enterprise.enroll_learners_in_courses.calls import Enroll, path_of
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory, UserFactory, customer_admin


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", slug="acme")


@pytest.fixture
def admin(customer: EnterpriseCustomer) -> User:
    return customer_admin(customer, username="boss")


@pytest.fixture
def run() -> CourseOverview:
    return CourseRunFactory(id="course-v1:Acme+Sail+T1", display_name="Sailing", modes=["audit", "verified"])


@pytest.fixture
def learner() -> User:
    return UserFactory(username="mia", email="Mia@acme.test")


@pytest.fixture
def client_of_admin(as_user: Any, admin: User) -> APIClient:
    return as_user(admin)


@pytest.fixture
def enroll(client_of_admin: APIClient, customer: EnterpriseCustomer, django_capture_on_commit_callbacks: Any) -> Enroll:
    """Sends rows as the customer's admin; whatever waits for the commit runs before it returns."""

    def send(*rows: Any, **fields: Any) -> Response:
        with django_capture_on_commit_callbacks(execute=True):
            return client_of_admin.post(path_of(customer), {"enrollments_info": list(rows), **fields})

    return send
