"""Serializer fields with the contract's formats and messages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
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


class CommaListField(serializers.Field):
    """A list written as text with commas, as query parameters have it: `a,b,c`. An empty text is an empty list.

    Args:
        child: what one item must be; texts as they are when left out.
        max_items: how many are allowed.
        too_many: the message when there are more; takes `{n}`.
    """

    default_error_messages = {
        "not_a_text": "Not a valid string.",
        "too_many": "Too many values in a single request - {n}. A maximum of {max_items} is allowed",
    }

    def __init__(
        self,
        *,
        child: serializers.Field | None = None,
        max_items: int | None = None,
        too_many: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.child_value: Callable[[Any], Any] = child.run_validation if child else str
        self.max_items = max_items
        if too_many:
            self.error_messages["too_many"] = too_many

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, str):
            self.fail("not_a_text")
        items = [item.strip() for item in data.split(",")] if data.strip() else []
        if self.max_items is not None and len(items) > self.max_items:
            self.fail("too_many", n=len(items), max_items=self.max_items)
        return [self.child_value(item) for item in items]

    def to_representation(self, value: Any) -> str:
        return ",".join(str(item) for item in value)
