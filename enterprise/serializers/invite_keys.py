"""Wire format of invite keys (contract: enterprise-customers 4.7)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import CanonicalUUIDField, FormBooleanField, UtcDateTimeField, wire_time
from enterprise.models import EnterpriseCustomerInviteKey

LARGEST = 2**31 - 1  # what the column holds


def invite_key_body(key: EnterpriseCustomerInviteKey, usage_count: int) -> dict[str, Any]:
    """A key, with how many learners are linked who came with it; its customer is loaded."""
    return {
        "uuid": str(key.pk),
        "enterprise_customer_uuid": str(key.enterprise_customer_id),
        "usage_limit": key.usage_limit,
        "expiration_date": wire_time(key.expiration_date),
        "is_active": key.is_active,
        "is_valid": key.is_valid(usage_count),
        "enterprise_customer_name": key.enterprise_customer.name,
        "usage_count": usage_count,
        "created": wire_time(key.created),
    }


class InviteKeySerializer(serializers.Serializer[Any]):
    """A key, as `invite_key_body` builds it."""

    uuid = serializers.UUIDField()
    enterprise_customer_uuid = serializers.UUIDField()
    usage_limit = serializers.IntegerField()
    expiration_date = UtcDateTimeField()
    is_active = serializers.BooleanField()
    is_valid = serializers.BooleanField(help_text="Active, not expired, not used up.")  # type: ignore[assignment]
    enterprise_customer_name = serializers.CharField()
    usage_count = serializers.IntegerField(help_text="Learners linked now who came with it.")
    created = UtcDateTimeField()


class NewInviteKeySerializer(serializers.Serializer[Any]):
    """What a new key is made of; the answer repeats what was given, with the new `uuid`."""

    uuid = serializers.UUIDField(source="pk", read_only=True)
    enterprise_customer_uuid = CanonicalUUIDField(source="enterprise_customer_id")
    usage_limit = serializers.IntegerField(min_value=0, max_value=LARGEST, required=False)
    expiration_date = UtcDateTimeField(required=False)


class InviteKeyChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a key; other fields are ignored."""

    expiration_date = UtcDateTimeField(required=False)
    is_active = FormBooleanField(required=False)


class JoinedCustomerSerializer(serializers.Serializer[Any]):
    """The customer that a learner joined."""

    enterprise_customer_slug = serializers.CharField(source="slug")
    enterprise_customer_uuid = serializers.UUIDField(source="pk")
