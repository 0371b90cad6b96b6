"""A customer with its admin and its groups."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, EnterpriseGroup
from tests.factories import EnterpriseCustomerFactory, GroupFactory, customer_admin


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", contact_email="help@acme.example")


@pytest.fixture
def flex(acme: EnterpriseCustomer) -> EnterpriseGroup:
    return GroupFactory(enterprise_customer=acme, name="Cohort A")


@pytest.fixture
def budget(acme: EnterpriseCustomer) -> EnterpriseGroup:
    return GroupFactory(enterprise_customer=acme, name="Budget", group_type="budget")


@pytest.fixture
def boss(as_user: Any, acme: EnterpriseCustomer) -> APIClient:
    return as_user(customer_admin(acme, email="boss@acme.example"))
