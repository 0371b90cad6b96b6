"""The mail that brings a ticket of the contact form to who answers it (contract: support, /support/contact_us/)."""

from __future__ import annotations

from enrollments.emails.letters import letter
from enrollments.emails.registry import Rendered
from enrollments.models import OutboxMessage
from support.models import ContactTicket

MESSAGE_TYPE = "support.ticket"
SUBJECT = "Ticket {}: {}"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; one statement, whatever its size.

    The context of a message is `{"ticket_id": id}`. Answers go to the learner.
    """
    tickets = ContactTicket.objects.in_bulk([message.context.get("ticket_id") for message in messages])
    return {message.pk: _letter(tickets.get(message.context.get("ticket_id"))) for message in messages}


def _letter(ticket: ContactTicket | None) -> Rendered:
    if ticket is None:
        return "The ticket is no longer stored."
    mail = letter("ticket", SUBJECT.format(ticket.pk, ticket.subject), {"ticket": ticket}, app="support")
    if ticket.requester_email:
        mail.reply_to = [ticket.requester_email]
    return mail
