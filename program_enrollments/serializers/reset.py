"""The wire format of integration-reset (contract: program-enrollments, integration-reset)."""

from __future__ import annotations

from rest_framework import serializers


class ResetSerializer(serializers.Serializer):
    """Describes what is sent."""

    organization = serializers.CharField(help_text="Its short name.")
