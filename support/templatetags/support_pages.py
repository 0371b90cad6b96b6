"""How the pages of the support desk print values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

MISSING = "N/A"


@register.filter
def moment(value: datetime | str | None) -> str | SafeString:
    """A time in UTC to the minute, the exact one for machines beside it; `N/A` for none. Takes ISO texts too."""
    if isinstance(value, str):
        value = parse_datetime(value) or value
    if not isinstance(value, datetime):
        return value or MISSING
    value = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), value.strftime("%Y-%m-%d %H:%M"))


@register.filter
def day(value: datetime | str | None) -> str | SafeString:
    """The same to the day."""
    if isinstance(value, str):
        value = parse_datetime(value) or value
    if not isinstance(value, datetime):
        return value or MISSING
    value = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), value.strftime("%Y-%m-%d"))


@register.filter
def given(value: Any) -> Any:
    """The value, or `N/A` where there is none; zero is one."""
    return MISSING if value is None or value == "" else value
