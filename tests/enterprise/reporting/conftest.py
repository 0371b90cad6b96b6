"""A customer with a reporting configuration, its admin, and another customer."""

from __future__ import annotations

import pysequoia
import pytest

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerReportingConfiguration
from tests.factories import EnterpriseCustomerFactory, ReportingConfigurationFactory


@pytest.fixture(scope="module")
def pgp_key() -> str:
    return str(pysequoia.Tsk.generate(user_id="Ops <ops@acme.test>").extract_certificate())


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="beta")


@pytest.fixture
def stored(customer: EnterpriseCustomer) -> EnterpriseCustomerReportingConfiguration:
    return ReportingConfigurationFactory(enterprise_customer=customer, decrypted_password="s3cret-word")
