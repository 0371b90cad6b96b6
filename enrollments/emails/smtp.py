"""SMTP that tells a mail which was not sent from one that may have been: the standard library leaves that open."""

from __future__ import annotations

import smtplib
from typing import Any

from django.core.mail.backends import smtp


class DeliveryInDoubt(Exception):
    """The connection broke after the server was given the mail's text: it may have been accepted."""


class _PlainConnection(smtplib.SMTP):
    def data(self, msg: Any) -> tuple[int, bytes]:
        """Hands over the text of a mail.

        Raises:
            DeliveryInDoubt: no answer came back.
            SMTPDataError: the server does not want the text.
        """
        try:
            return super().data(msg)
        except smtplib.SMTPResponseException:
            raise
        except OSError as problem:
            raise DeliveryInDoubt(f"{type(problem).__name__}: {problem}") from problem


class _EncryptedConnection(_PlainConnection, smtplib.SMTP_SSL):
    pass


class EmailBackend(smtp.EmailBackend):
    """Django's SMTP backend; a connection that breaks over a mail's text raises `DeliveryInDoubt`."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _EncryptedConnection if self.use_ssl else _PlainConnection
