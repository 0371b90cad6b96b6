"""The addresses of a group's members, and rows of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from enterprise.models import EnterpriseGroup, EnterpriseGroupMembership
from tests.factories import GroupMembershipFactory, LearnerFactory, PendingLearnerFactory, UserFactory

API = "/enterprise/api/v1"
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
MOMENT = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


def assign_to(group: Any) -> str:
    return f"{API}/enterprise_group/{getattr(group, 'pk', group)}/assign_learners"


def remove_from(group: Any) -> str:
    return f"{API}/enterprise_group/{getattr(group, 'pk', group)}/remove_learners"


def member(group: EnterpriseGroup, email: str, name: str = "", **fields: Any) -> EnterpriseGroupMembership:
    """An accepted member with an account."""
    account = UserFactory(email=email, profile__name=name)
    link = LearnerFactory(enterprise_customer=group.enterprise_customer, user=account)
    values = {"status": "accepted", "activated_at": MOMENT, **fields}
    return GroupMembershipFactory(group=group, enterprise_customer_user=link, **values)


def waiting(group: EnterpriseGroup, email: str, **fields: Any) -> EnterpriseGroupMembership:
    """A member whose address waits for an account."""
    pending = PendingLearnerFactory(enterprise_customer=group.enterprise_customer, user_email=email)
    return GroupMembershipFactory(group=group, pending_enterprise_customer_user=pending, **fields)
