"""The mail by which an admin asks for coupon codes (contract: enterprise-customers 4.10)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from enrollments.emails.letters import LONGEST_SUBJECT, one_line
from enrollments.emails.registry import Rendered
from enrollments.models import OutboxMessage

MESSAGE_TYPE = "enterprise.coupon_codes"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; no statement.

    The context of a message is `{"email", "enterprise_name", "number_of_codes", "notes"}`, as they were received.
    """
    return {message.pk: _letter(message.context) for message in messages}


def _letter(asked: dict[str, Any]) -> Rendered:
    number = asked.get("number_of_codes")
    context = {
        "email": asked.get("email"),
        "enterprise_name": asked.get("enterprise_name"),
        "number_of_codes": "" if number is None else str(number),
        "notes": asked.get("notes") or "",
    }
    text, html = (render_to_string(f"enterprise/emails/coupon_codes.{form}", context) for form in ("txt", "html"))
    subject = one_line(f"Request for codes from {context['enterprise_name']}")[:LONGEST_SUBJECT]
    mail = EmailMultiAlternatives(subject, text, settings.ENTERPRISE_INTEGRATIONS_EMAIL)
    mail.attach_alternative(html, "text/html")
    return mail
