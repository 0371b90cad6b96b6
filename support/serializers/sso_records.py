"""SSO identities on the wire (contract: support, sso_records)."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

SECRETS = frozenset({"access_token", "refresh_token"})
MASK = "********"


class StateSerializer(serializers.Serializer):
    """An identity as it was; `extraData` is JSON as a text."""

    uid = serializers.CharField()
    provider = serializers.CharField()
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()
    extraData = serializers.CharField()
    history_date = serializers.DateTimeField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "uid": instance.uid,
            "provider": instance.provider,
            "created": instance.created,
            "modified": instance.modified,
            "extraData": extra_data_text(instance.extra_data),
            "history_date": instance.history_date,
        }


class SsoRecordSerializer(serializers.Serializer):
    """An identity with its history; `extraData` is JSON as a text."""

    provider = serializers.CharField()
    uid = serializers.CharField()
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()
    history = StateSerializer(many=True)
    extraData = serializers.CharField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        identity = instance.identity
        return {
            "provider": identity.provider,
            "uid": identity.uid,
            "created": identity.created,
            "modified": identity.modified,
            "history": StateSerializer(instance.history, many=True).data,
            "extraData": extra_data_text(identity.extra_data),
        }


def extra_data_text(extra_data: Any) -> str:
    """What is kept beside an identity, as JSON text; tokens in it, at any depth, are masked."""
    return json.dumps(_masked(extra_data))


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: MASK if key in SECRETS and item else _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value
