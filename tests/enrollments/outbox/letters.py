"""Mails of the type `test.letter`, and a mail server to send them to."""

from __future__ import annotations

import socket
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

from django.core.mail import EmailMessage

from enrollments.models import OutboxMessage
from enrollments.services.outbox import NewMessage

State = OutboxMessage.State
SMTP = "django.core.mail.backends.smtp.EmailBackend"


def letter_of(message: OutboxMessage) -> EmailMessage:
    return EmailMessage(message.context.get("subject", f"Mail {message.key}"), "Hello", "desk@matricula.example")


def letter(number: int = 1, **fields: Any) -> NewMessage:
    return NewMessage(
        key=f"letter:{number}",
        message_type=fields.pop("message_type", "test.letter"),
        recipient=fields.pop("recipient", f"reader{number}@learners.example"),
        context=fields,
    )


def waiting(count: int, **fields: Any) -> list[OutboxMessage]:
    """So many messages that wait, without anybody being told to deliver them."""
    return OutboxMessage.objects.bulk_create(
        OutboxMessage(
            key=f"letter:{number}",
            message_type="test.letter",
            recipient=f"reader{number}@learners.example",
            **fields,
        )
        for number in range(1, count + 1)
    )


def states() -> list[str]:
    return list(OutboxMessage.objects.order_by("id").values_list("state", flat=True))


def only_message() -> OutboxMessage:
    return OutboxMessage.objects.get()


class MailServer:
    """A mail server on loopback whose answers a test chooses."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.connections = 0
        self.on_recipient: Callable[[str], str] = lambda address: "250 OK"
        self.on_data: Callable[[Any], str] = lambda server: "250 OK"

    @property
    def recipients(self) -> list[str]:
        return [envelope["To"] for envelope in self.mails]

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: Any) -> Any:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.on_recipient(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.on_data(server)
        if answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content))
        return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
