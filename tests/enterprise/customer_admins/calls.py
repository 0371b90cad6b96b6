"""What tests of admins call."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from enrollments.models import User
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerAdmin, SystemWideEnterpriseUserRoleAssignment

OWN = "/enterprise/api/v1/enterprise-customer-admin/"


def account_of(record: EnterpriseCustomerAdmin) -> User:
    return record.enterprise_customer_user.user_fk


def roles_of(account: User, customer: EnterpriseCustomer) -> set[str]:
    held = SystemWideEnterpriseUserRoleAssignment.objects.filter(user=account, enterprise_customer=customer)
    return set(held.values_list("role__name", flat=True))


def create(client: APIClient, customer: Any, email: str = "lou@blue.example") -> Any:
    uuid_ = str(getattr(customer, "pk", customer))
    return client.post(f"{OWN}create_admin_by_email/", {"email": email, "enterprise_customer_uuid": uuid_})
