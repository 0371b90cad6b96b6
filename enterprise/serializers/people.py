"""Wire format of a customer's members, admins and support users (contract: enterprise-admins-groups-sso).

The `..._body` functions build answers from tuples; the serializers of the same names describe them to the schema.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from enterprise.models import MemberOrder
from enterprise.serializers.learners import LearnerUserSerializer

LONGEST_MEMBER_QUERY = 250


def short_date(moment: datetime | None) -> str | None:
    """A date to show, such as `Mar 02, 2031`."""
    return f"{moment:%b %d, %Y}" if moment else None


# --- Members ------------------------------------------------------------------------------------------------------


class MemberQuerySerializer(serializers.Serializer[Any]):
    """What the list of members may be asked for."""

    user_query = serializers.CharField(required=False, max_length=LONGEST_MEMBER_QUERY, allow_blank=True)
    sort_by = serializers.ChoiceField(choices=MemberOrder.values, required=False)
    is_reversed = serializers.BooleanField(default=False, help_text="Counts with `sort_by` only; true: descending.")
    user_id = serializers.IntegerField(required=False, help_text="Ignored beside `user_query`.")


def member_body(member: Any) -> dict[str, Any]:
    """
    Args:
        member: a `queries.members.Member`.
    """
    return {
        "enterprise_customer_user": {
            "user_id": member.user_id,
            "email": member.email,
            "joined_org": short_date(member.joined),
            "name": member.name,
        },
        "enrollments": member.enrollments,
    }


class MemberAccountSerializer(serializers.Serializer[Any]):
    user_id = serializers.IntegerField()
    email = serializers.EmailField(allow_blank=True)
    joined_org = serializers.CharField(help_text="The day the account was made: `Aug 18, 2029`.")
    name = serializers.CharField()


class MemberSerializer(serializers.Serializer[Any]):
    """A member, as `member_body` builds it."""

    enterprise_customer_user = MemberAccountSerializer()
    enrollments = serializers.IntegerField()


# --- Support users ------------------------------------------------------------------------------------------------


def support_user_body(row: Any, account: Any) -> dict[str, Any]:
    """
    Args:
        row: a `queries.support_users.Known`.
        account: its `queries.support_users.Account`; None for a pending one.
    """
    if account is None:
        return {
            "enterprise_customer_user": None,
            "pending_enterprise_customer_user": {
                "is_pending_admin": bool(row.is_admin),
                "is_pending_learner": True,
                "user_email": row.email,
            },
            "role_assignments": None,
            "is_admin": False,
        }
    return {
        "enterprise_customer_user": {
            "id": account.id,
            "username": account.username,
            "first_name": account.first_name,
            "last_name": account.last_name,
            "email": account.email,
            "is_staff": bool(account.is_staff),
            "is_active": bool(account.is_active),
            "date_joined": account.date_joined,
        },
        "pending_enterprise_customer_user": None,
        "role_assignments": account.roles,
        "is_admin": bool(row.is_admin),
    }


class SupportPendingSerializer(serializers.Serializer[Any]):
    is_pending_admin = serializers.BooleanField()
    is_pending_learner = serializers.BooleanField()
    user_email = serializers.EmailField()


class SupportUserSerializer(serializers.Serializer[Any]):
    """Somebody a customer knows, as `support_user_body` builds it."""

    enterprise_customer_user = LearnerUserSerializer(allow_null=True)
    pending_enterprise_customer_user = SupportPendingSerializer(allow_null=True)
    role_assignments = serializers.ListField(child=serializers.CharField(), allow_null=True)
    is_admin = serializers.BooleanField()


# --- Admins and invited admins ------------------------------------------------------------------------------------


def admin_member_body(row: Any) -> dict[str, Any]:
    """
    Args:
        row: a `queries.admin_members.AdminMember`.
    """
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "invited_date": short_date(row.invited_date),
        "joined_date": short_date(row.joined_date),
        "status": row.status,
    }


class AdminMemberSerializer(serializers.Serializer[Any]):
    """An admin or an invited one, as `admin_member_body` builds it; `id` and `status` together name it."""

    id = serializers.IntegerField(help_text="Of the learner link, or of the invitation.")
    name = serializers.CharField(allow_blank=True)
    email = serializers.EmailField(allow_blank=True)
    invited_date = serializers.CharField(allow_null=True, help_text="`Mar 02, 2031`")
    joined_date = serializers.CharField(allow_null=True, help_text="`Jan 15, 2030`")
    status = serializers.ChoiceField(choices=["Admin", "Pending"])
