"""Two customers, an admin of the first, and a configuration of it."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerSsoConfiguration
from tests.factories import EnterpriseCustomerFactory, customer_admin
from tests.saml_admin.sso_configurations.configurations import configuration_of


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", slug="acme", contact_email="help@acme.example")


@pytest.fixture
def bolt() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Bolt", slug="bolt")


@pytest.fixture
def boss(as_user: Any, acme: EnterpriseCustomer) -> APIClient:
    return as_user(customer_admin(acme))


@pytest.fixture
def door(acme: EnterpriseCustomer) -> EnterpriseCustomerSsoConfiguration:
    return configuration_of(acme)
