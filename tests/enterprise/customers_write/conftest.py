"""A customer, and everybody who may or may not write it."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from tests.factories import (
    EnterpriseCustomerFactory,
    LearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)


@pytest.fixture
def globex() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Globex", slug="globex")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Other", slug="other")


@pytest.fixture
def domain(globex: EnterpriseCustomer) -> str:
    return globex.site.domain


@pytest.fixture
def admin(globex: EnterpriseCustomer) -> User:
    return customer_admin(globex)


@pytest.fixture
def boss(as_user: Any, admin: User) -> APIClient:
    return as_user(admin)


@pytest.fixture
def provisioner(as_user: Any) -> APIClient:
    user = UserFactory()
    RoleAssignmentFactory(user=user, role="enterprise_provisioning_admin")
    return as_user(user)


@pytest.fixture
def root(as_user: Any) -> APIClient:
    return as_user(UserFactory(superuser=True))


@pytest.fixture
def people(globex: EnterpriseCustomer, other: EnterpriseCustomer, admin: User) -> dict[str, User]:
    unlinked, provisioner = UserFactory(), UserFactory()
    RoleAssignmentFactory(user=unlinked, enterprise_customer=globex)
    RoleAssignmentFactory(user=provisioner, role="enterprise_provisioning_admin")
    staff_operator = operator(staff=True)
    return {
        "nobody": UserFactory(),
        "learner": LearnerFactory(enterprise_customer=globex).user_fk,
        "learner of another": LearnerFactory(enterprise_customer=other).user_fk,
        "admin": admin,
        "admin without a link": unlinked,
        "admin of another": customer_admin(other),
        "operator": operator(),
        "operator of the staff": staff_operator,
        "provisioner": provisioner,
        "staff": UserFactory(staff=True),
        "superuser": UserFactory(superuser=True),
    }
