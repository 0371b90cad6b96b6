"""What short messages have in common: two templates, a subject that is one line."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

LONGEST_SUBJECT = 200  # characters


def letter(
    template: str, subject: str, context: dict[str, Any], *, app: str, sender_alias: str = ""
) -> EmailMultiAlternatives:
    """A mail in text and HTML, from the service's address.

    Args:
        template, app: of the templates `<app>/emails/<template>.txt` and `.html`.
        sender_alias: the name that a customer wants to be shown as sender.
    """
    text, html = (render_to_string(f"{app}/emails/{template}.{form}", context) for form in ("txt", "html"))
    sender = settings.DEFAULT_FROM_EMAIL
    if sender_alias and "<" not in sender:
        name = one_line(sender_alias).replace("\\", "").replace('"', "")
        sender = f'"{name}" <{sender}>'
    mail = EmailMultiAlternatives(one_line(subject)[:LONGEST_SUBJECT], text, sender)
    mail.attach_alternative(html, "text/html")
    return mail


def one_line(text: str) -> str:
    """The text without line breaks and control characters, which no header can hold."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
