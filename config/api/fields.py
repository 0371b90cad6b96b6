"""Serializer fields with the contract's formats and messages."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.fields import empty

_uuid_form = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def wire_time(moment: datetime | None) -> str | None:
    """A moment as every JSON answer writes it: ISO 8601, UTC, `Z`, microseconds only when there are any."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = timezone.make_aware(moment, UTC)
    elif moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


class UtcDateTimeField(serializers.DateTimeField):
    """A moment; one without an offset is taken as UTC. Written as `wire_time` does."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def to_representation(self, value: Any) -> Any:
        return wire_time(value) if isinstance(value, datetime) else value

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, date) and not isinstance(value, datetime):
            self.fail("date")
        moment: datetime = super().to_internal_value(value)
        try:
            return moment.astimezone(UTC)
        except (OverflowError, ValueError):
            self.fail("overflow", timezone="UTC")


class FormBooleanField(serializers.BooleanField):
    """A boolean of JSON or of a form; one that a form leaves out is absent, not false."""

    default_empty_html = empty


class CanonicalUUIDField(serializers.UUIDField):
    """A UUID given as text, with or without hyphens, in either case; written in lower case with hyphens."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if isinstance(data, uuid.UUID):
            return data
        if not isinstance(data, str) or not _uuid_form.fullmatch(data):
            self.fail("invalid", value=data)
        return uuid.UUID(data)
