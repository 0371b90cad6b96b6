"""How the pages of the support desk print values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

MISSING = "N/A"


Moment = datetime | str | None


@register.filter
def moment(value: Moment) -> str | SafeString:
    """A time in UTC to the minute, the exact one for machines beside it; `N/A` for none. Takes ISO texts too."""
    return _printed(value, "%Y-%m-%d %H:%M")


@register.filter
def day(value: Moment) -> str | SafeString:
    """The same to the day."""
    return _printed(value, "%Y-%m-%d")


@register.filter
def given(value: Any) -> Any:
    """The value, or `N/A` where there is none; zero is one."""
    return MISSING if value is None or value == "" else value


@register.inclusion_tag("support/parts/opens.html")
def opens(route: str, text: str, look: str = "", about: str = "", **query: Any) -> dict[str, Any]:
    """A link to the question before a change, which scripts show in a dialog.

    Args:
        route: the name of the page that asks.
        text: what the link says; `about` follows it for screen readers, where several links say the same.
        look: CSS classes.
        query: what the page is asked about; empty values are left out.
    """
    filled = {name: value for name, value in query.items() if value}
    return {"href": f"{reverse(f'desk:{route}')}?{urlencode(filled)}", "text": text, "look": look, "about": about}


def _printed(value: Moment, form: str) -> str | SafeString:
    if isinstance(value, str):
        value = parse_datetime(value) or value
    if not isinstance(value, datetime):
        return value or MISSING
    value = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), value.strftime(form))
