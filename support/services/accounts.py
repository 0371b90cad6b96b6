"""Agents disable accounts and enable them again (contract: support, POST manage_user)."""

from __future__ import annotations

from django.db import transaction
from django.utils.crypto import get_random_string

from config.api.exceptions import Refusal
from enrollments.models import User
from enrollments.services import tracking
from enrollments.services.enroll import locked_account
from enrollments.services.oauth_clients import delete_applications, revoke_tokens
from support.models import PasswordToggleHistory

PASSWORD_LENGTH = 25


def toggle_password(person: User, agent: User, comment: str | None = None) -> bool:
    """Takes an account's password away, or gives it a random one that nobody learns, whichever it lacks.

    Either ends all sessions of the account. Taking it away also deletes the account's OAuth tokens, its grants and the
    applications that it owns; JWTs live until they expire. Whether the account is active is not touched.

    Args:
        comment: kept in the history; up to 255 characters.
    Returns:
        Whether the account is disabled now.
    Raises:
        Refusal: 404, the account is gone.
    """
    with transaction.atomic():
        account = locked_account(pk=person.pk)
        if account is None:
            raise Refusal("Not found.", status=404)
        disabled = account.has_usable_password()
        account.set_password(None if disabled else get_random_string(PASSWORD_LENGTH))
        account.save(update_fields=["password"])
        if disabled:
            revoke_tokens(account)
            delete_applications(account)
        PasswordToggleHistory.objects.create(user=account, created_by=agent, disabled=disabled, comment=comment)
        about = {"user_id": account.pk, "is_disabled": "true" if disabled else "false"}
        tracking.emit([tracking.Line("identify", about)])
    return disabled
