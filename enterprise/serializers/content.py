"""Answers about the content of catalogs (contract: enterprise-customers 4.2.12 and 4.5)."""

from __future__ import annotations

from rest_framework import serializers


class ContainsContentItemsSerializer(serializers.Serializer):
    """Whether all that was asked about is held."""

    contains_content_items = serializers.BooleanField()
