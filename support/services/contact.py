"""Tickets of the contact form: stored, and mailed to who answers them (contract: support, /support/contact_us/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from enrollments.models import User
from enrollments.services import outbox
from support.emails import ticket as mail
from support.models import ContactTicket


def open_ticket(
    requester: User,
    *,
    subject: str,
    body: str,
    tags: Sequence[str] = (),
    custom_fields: Sequence[Mapping[str, Any]] = (),
) -> ContactTicket:
    """Keeps a ticket, and has it mailed to `CONTACT_EMAIL`; both or none.

    Args:
        requester: who is signed in; whatever else the form said of them does not count.
        subject: one line, up to 255 characters.
        custom_fields: pairs of `id` and `value`, such as the course.
    """
    with transaction.atomic():
        ticket = ContactTicket.objects.create(
            requester=requester,
            requester_name=requester.full_name() or "",
            requester_email=requester.email,
            subject=subject,
            body=body,
            tags=list(tags),
            custom_fields=[dict(field) for field in custom_fields],
        )
        key = f"{mail.MESSAGE_TYPE}:{ticket.pk}"
        outbox.queue([outbox.NewMessage(key, mail.MESSAGE_TYPE, settings.CONTACT_EMAIL, {"ticket_id": ticket.pk})])
    return ticket


def forget(account_id: int) -> None:
    """The tickets of a retired account go with it."""
    ContactTicket.objects.filter(requester_id=account_id).delete()
