"""Wire format of notifications (contract: enterprise-customers 4.11)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ReadNotificationSerializer(serializers.Serializer[Any]):
    """Describes the parameters, of the body or of the query; the answer repeats them."""

    notification_id = serializers.IntegerField()
    enterprise_slug = serializers.CharField()
