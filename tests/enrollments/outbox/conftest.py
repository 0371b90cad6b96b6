"""The renderer of the type `test.letter`, and a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from enrollments.emails import registry
from tests.enrollments.outbox.letters import SMTP, MailServer, free_port, letter_of


@pytest.fixture(autouse=True)
def test_letters() -> Iterator[None]:
    """Mails of the type `test.letter`; the registry is left as it was."""
    before = dict(registry._renderers)
    registry.register("test.letter", lambda messages: {message.pk: letter_of(message) for message in messages})
    yield
    registry._renderers.clear()
    registry._renderers.update(before)


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", controller.port, 2
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield server
    controller.stop()
