"""Customers, callers and listeners of tests of the enterprise app; modules may have their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from enterprise.signals import learner_credit_revoked
from tests.factories import EnterpriseCustomerFactory, UserFactory, customer_admin

AsUser = Callable[[User], APIClient]


@pytest.fixture
def acme(db: None) -> EnterpriseCustomer:
    customer: EnterpriseCustomer = EnterpriseCustomerFactory(name="Acme", slug="acme")
    return customer


@pytest.fixture
def bolt(db: None) -> EnterpriseCustomer:
    customer: EnterpriseCustomer = EnterpriseCustomerFactory(name="Bolt", slug="bolt")
    return customer


@pytest.fixture
def customer(db: None) -> EnterpriseCustomer:
    """The customer of tests for which one without a name will do."""
    made: EnterpriseCustomer = EnterpriseCustomerFactory()
    return made


@pytest.fixture
def boss(as_user: AsUser, customer: EnterpriseCustomer) -> APIClient:
    """An admin of the customer."""
    return as_user(customer_admin(customer))


@pytest.fixture
def staff(as_user: AsUser) -> APIClient:
    return as_user(UserFactory(staff=True))


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    """What was told of revoked learner credit."""
    heard: list[dict[str, Any]] = []

    def receiver(sender: Any, revocations: list[dict[str, Any]], **kwargs: Any) -> None:
        heard.extend(revocations)

    learner_credit_revoked.connect(receiver)
    yield heard
    learner_credit_revoked.disconnect(receiver)
