"""Wire format of tickets (contract: support, /support/contact_us/)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

LONGEST_SUBJECT = 255
LONGEST_BODY = 20_000
MOST_TAGS = 50


class CommentSerializer(serializers.Serializer[Any]):
    body = serializers.CharField(max_length=LONGEST_BODY)


class CustomFieldSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(max_length=255)
    value = serializers.CharField(max_length=255, allow_blank=True)


class TicketSerializer(serializers.Serializer[Any]):
    """A ticket as it is sent; a `requester` is not read, because it is whoever is signed in."""

    subject = serializers.CharField(max_length=LONGEST_SUBJECT)
    comment = CommentSerializer()
    tags = serializers.ListField(child=serializers.CharField(max_length=255), max_length=MOST_TAGS)
    custom_fields = CustomFieldSerializer(many=True, required=False)


class OpenedTicketSerializer(serializers.Serializer[Any]):
    """The number of a new ticket."""

    id = serializers.IntegerField()
