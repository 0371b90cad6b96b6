"""The mail with a link under which a new password can be chosen (contract: support 4.3, POST /account/password)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from enrollments.emails.letters import letter
from enrollments.emails.registry import Rendered
from enrollments.models import OutboxMessage, User

MESSAGE_TYPE = "enrollments.password_reset"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; one statement, whatever its size.

    The context of a message is `{"user_id": id}`: the link is made when the mail is, and stored nowhere.
    """
    wanted = [message.context.get("user_id") for message in messages]
    accounts = User.objects.select_related("profile").in_bulk(wanted)
    return {message.pk: _letter(message, accounts.get(message.context.get("user_id"))) for message in messages}


def _letter(message: OutboxMessage, account: User | None) -> Rendered:
    if account is None or account.email != message.recipient:
        return "The account has another address now, or is gone."
    if not account.has_usable_password():
        return "The account is disabled."
    path = reverse(
        "password_reset_confirm",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(account.pk)),
            "token": default_token_generator.make_token(account),
        },
    )
    context: dict[str, Any] = {
        "user_name": account.full_name(),
        "username": account.username,
        "link": f"{settings.LMS_ROOT_URL}{path}",
        "days": max(1, settings.PASSWORD_RESET_TIMEOUT // 86_400),
        "platform_name": settings.PLATFORM_NAME,
    }
    return letter("password_reset", f"Choose a new password for {settings.PLATFORM_NAME}", context, app="enrollments")
