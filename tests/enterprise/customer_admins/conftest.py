"""An admin of Acme with a record."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerAdmin
from tests.enterprise.customer_admins.calls import account_of
from tests.factories import recorded_admin


@pytest.fixture
def record(acme: EnterpriseCustomer) -> EnterpriseCustomerAdmin:
    return recorded_admin(acme, email="ida@blue.example")


@pytest.fixture
def ida(as_user: Any, record: EnterpriseCustomerAdmin) -> APIClient:
    return as_user(account_of(record))
