"""Everybody who may call an endpoint about a customer, by role."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission

from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from tests.factories import LearnerFactory, UserFactory, customer_admin, operator, provisioning_admin

ANONYMOUS = {"detail": "Authentication credentials were not provided."}
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
CALLERS = (
    "anonymous", "stranger", "learner", "foreign learner", "foreign admin", "admin", "operator", "provisioning admin",
    "staff", "superuser",
)  # fmt: skip


def caller(name: str, customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User | None:
    """The account of a caller; None for the anonymous one. `foreign` ones belong to the other customer."""
    match name:
        case "anonymous":
            return None
        case "learner" | "foreign learner":
            account: User = UserFactory()
            LearnerFactory(enterprise_customer=other if name.startswith("foreign") else customer, user=account)
            return account
        case "admin" | "foreign admin":
            return customer_admin(other if name.startswith("foreign") else customer)
        case "operator":
            return operator()
        case "provisioning admin":
            return provisioning_admin()
        case "staff":
            return UserFactory(staff=True)
        case "superuser":
            return UserFactory(superuser=True)
    return UserFactory()


def permitted(*codenames: str, **fields: Any) -> User:
    """An account that holds Django permissions of the app, such as `add_enterprisecustomeruser`."""
    account: User = UserFactory(**fields)
    permissions = Permission.objects.filter(content_type__app_label="enterprise", codename__in=codenames)
    account.user_permissions.set(permissions)
    return account
