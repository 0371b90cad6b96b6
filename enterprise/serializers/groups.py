"""Wire format of groups and their members (contract: enterprise-admins-groups-sso, Groups).

The `..._body` functions build answers from tuples; the serializers of the same names describe them to the schema.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import FormBooleanField, UtcDateTimeField, wire_time
from enterprise.models import EnterpriseGroup, EnterpriseGroupMembership, MembershipOrder
from enterprise.serializers.learners import CustomerKeyField

LONGEST_QUERY = 320
EITHER_OR = "Must supply `remove_all` or `learner_email` but not both"


# --- Groups -------------------------------------------------------------------------------------------------------


def group_body(group: Any) -> dict[str, Any]:
    """
    Args:
        group: a `queries.groups.Group`.
    """
    return {
        "enterprise_customer": group.customer,
        "name": group.name,
        "uuid": group.uuid,
        "accepted_members_count": group.accepted,
        "group_type": group.group_type,
        "created": group.created,
    }


class GroupSerializer(serializers.Serializer[Any]):
    """A group that is to be, and as `group_body` shows it. `context["customers"]`: those that the body may name."""

    enterprise_customer = CustomerKeyField(help_text="The customer's UUID.")
    name = serializers.CharField(max_length=255)
    uuid = serializers.UUIDField(read_only=True)
    accepted_members_count = serializers.IntegerField(read_only=True)
    group_type = serializers.ChoiceField(choices=EnterpriseGroup.GroupType.choices, required=False)
    created = UtcDateTimeField(read_only=True)


class GroupQuerySerializer(serializers.Serializer[Any]):
    """What groups may be narrowed by."""

    include_deleted = serializers.BooleanField(default=False, help_text="With groups removed long ago.")
    learner_ids = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Of learner links or pending learners."
    )
    enterprise_uuids = serializers.ListField(child=serializers.UUIDField(), required=False)


# --- Members ------------------------------------------------------------------------------------------------------


def membership_body(row: Any) -> dict[str, Any]:
    """
    Args:
        row: a `queries.groups.Membership`.
    """
    is_account = row.link_id is not None
    details: dict[str, Any] = {"user_email": row.email if is_account else row.pending_email}
    if is_account:
        details["user_name"] = row.profile_name or f"{row.first_name or ''} {row.last_name or ''}".strip()
    return {
        "enterprise_customer_user_id": row.link_id,
        "lms_user_id": row.user_id,
        "pending_enterprise_customer_user_id": row.pending_id,
        "enterprise_group_membership_uuid": str(row.uuid),
        "member_details": details,
        "recent_action": recent_action(row),
        "status": row.status,
        "activated_at": wire_time(row.activated_at) if row.activated_at else None,
        "enrollments": row.enrollments,
        "group_name": row.group_name,
        "group_uuid": row.group_uuid,
    }


def recent_action(row: Any) -> str:
    """What happened last to a membership, and when: `Accepted: February 03, 2031`."""
    if row.errored_at:
        word, moment = "Errored", row.errored_at
    elif row.is_removed and row.removed_at:
        word, moment = "Removed", row.removed_at
    elif row.link_id is not None and row.activated_at:
        word, moment = "Accepted", row.activated_at
    else:
        word, moment = "Invited", row.created
    return f"{word}: {moment:%B %d, %Y}"


class MemberDetailsSerializer(serializers.Serializer[Any]):
    user_email = serializers.EmailField(allow_null=True)
    user_name = serializers.CharField(required=False, help_text="Not of an address that waits for an account.")


class MembershipSerializer(serializers.Serializer[Any]):
    """A membership, as `membership_body` builds it."""

    enterprise_customer_user_id = serializers.IntegerField(allow_null=True)
    lms_user_id = serializers.IntegerField(allow_null=True)
    pending_enterprise_customer_user_id = serializers.IntegerField(allow_null=True)
    enterprise_group_membership_uuid = serializers.UUIDField()
    member_details = MemberDetailsSerializer()
    recent_action = serializers.CharField(help_text="`Accepted: February 03, 2031`")
    status = serializers.ChoiceField(choices=EnterpriseGroupMembership.Status.choices, allow_null=True)
    activated_at = UtcDateTimeField(allow_null=True)
    enrollments = serializers.IntegerField()
    group_name = serializers.CharField()
    group_uuid = serializers.UUIDField()


class GroupLearnersQuerySerializer(serializers.Serializer[Any]):
    """What the members of a group may be asked for."""

    user_query = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_QUERY)
    sort_by = serializers.ChoiceField(choices=MembershipOrder.values, required=False)
    is_reversed = serializers.BooleanField(default=False, help_text="Counts with `sort_by` only; true: descending.")
    pending_users_only = serializers.BooleanField(default=False)
    show_removed = serializers.BooleanField(default=False)
    learners = serializers.ListField(child=serializers.EmailField(), required=False)


class MembershipStatusSerializer(serializers.Serializer[Any]):
    """What became of a pending learner's memberships."""

    learner = serializers.EmailField()
    status = serializers.ChoiceField(choices=EnterpriseGroupMembership.Status.choices)


class AssignLearnersSerializer(serializers.Serializer[Any]):
    """Addresses that are to be in a group; with both other values new members are told by mail."""

    learner_emails = serializers.ListField(child=serializers.EmailField(), allow_empty=False)
    act_by_date = UtcDateTimeField(required=False, allow_null=True)
    catalog_uuid = serializers.UUIDField(required=False, allow_null=True)


class AssignedSerializer(serializers.Serializer[Any]):
    """How many addresses were handled; for the schema."""

    records_processed = serializers.IntegerField()
    new_learners = serializers.IntegerField(help_text="Addresses without an account.")
    existing_learners = serializers.IntegerField(help_text="Accounts.")
    non_org_rejected = serializers.IntegerField(help_text="Addresses without an account that a flex group turns away.")


class RemoveLearnersSerializer(serializers.Serializer[Any]):
    """Addresses that are to leave a group, or `remove_all`; with a catalog they are told by mail."""

    learner_emails = serializers.ListField(child=serializers.EmailField(), allow_empty=False, required=False)
    remove_all = FormBooleanField(required=False)
    catalog_uuid = serializers.UUIDField(required=False, allow_null=True)


class RemovedSerializer(serializers.Serializer[Any]):
    """How many left; for the schema."""

    records_deleted = serializers.IntegerField()
