"""Everybody who may call an endpoint about a customer, by role."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission

from enrollments.models import User
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from tests.factories import (
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    UserFactory,
    customer_admin,
    operator,
    provisioning_admin,
)

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


def catalog_caller(name: str, customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    """The account of a caller about catalogs: by role, and by whether it is linked with the customer."""
    match name:
        case "learner":
            return linked(UserFactory(), customer)
        case "admin":
            return customer_admin(customer)
        case "unlinked admin":
            account = customer_admin(customer)
            EnterpriseCustomerUser.objects.filter(user_id=account.pk).update(linked=False)
            return account
        case "admin of another":
            return customer_admin(other)
        case "admin of another, linked here":
            return linked(customer_admin(other), customer, active=False)
        case "operator":
            return operator()
        case "linked operator":
            return linked(operator(), customer)
        case "provisioner":
            return provisioning_admin()
        case "staff":
            return UserFactory(staff=True)
        case "staff operator":
            return operator(staff=True)
        case "superuser":
            return UserFactory(superuser=True)
        case "staff superuser":
            return UserFactory(superuser=True, staff=True)
        case "catalog admin in the database":
            return linked(FeatureRoleAssignmentFactory(role="catalog_admin").user, customer)
        case "catalog admin without a link":
            return FeatureRoleAssignmentFactory(role="catalog_admin").user
        case "other feature role":
            return linked(FeatureRoleAssignmentFactory(role="dashboard_admin").user, customer)
    return UserFactory()


def linked(account: User, customer: EnterpriseCustomer, **fields: Any) -> User:
    """The account, which is a learner of the customer now."""
    LearnerFactory(enterprise_customer=customer, user=account, **fields)
    return account


def permitted(*codenames: str, **fields: Any) -> User:
    """An account that holds Django permissions of the app, such as `add_enterprisecustomeruser`."""
    account: User = UserFactory(**fields)
    permissions = Permission.objects.filter(content_type__app_label="enterprise", codename__in=codenames)
    account.user_permissions.set(permissions)
    return account
