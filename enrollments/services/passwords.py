"""New passwords by mail (contract: support 4.3, POST /account/password)."""

from __future__ import annotations

import uuid

from django.db import transaction

from config.api.exceptions import Refusal
from enrollments.emails import password_reset
from enrollments.models import LoginFailure, User
from enrollments.services import outbox
from enrollments.services.oauth_clients import revoke_tokens


class LinkOutdated(Exception):
    """The password is no longer the one that the link was made for."""


def account_to_reset(caller: User, email: str | None) -> User:
    """Whose password is to be chosen anew.

    Args:
        email: whom the caller named. Counts for staff and superusers; others ask for themselves, as does who names
            nobody.
    Raises:
        Refusal: no account has the address, there is none, or the account is disabled.
    """
    if email is None or not (caller.is_staff or caller.is_superuser):
        account: User | None = caller
    elif not email:
        raise Refusal("No e-mail address was given.")
    else:
        account = User.objects.by_email(email)
    if account is None:
        raise Refusal(f"No account has the e-mail address {email}.")
    if not account.email:
        raise Refusal("The account has no e-mail address.")
    if not account.has_usable_password():
        # The mark of disabled and retiring accounts: a mail must not open them again.
        raise Refusal("This account is disabled, so its password cannot be reset.")
    return account


@transaction.atomic
def send_reset_link(account: User) -> None:
    """Queue the mail with a link under which a new password can be chosen."""
    message = outbox.NewMessage(
        key=f"{password_reset.MESSAGE_TYPE}:{account.pk}:{uuid.uuid4()}",
        message_type=password_reset.MESSAGE_TYPE,
        recipient=account.email,
        context={"user_id": account.pk},
    )
    outbox.queue([message])


@transaction.atomic
def choose(account: User, password: str) -> None:
    """Store a new password: all sessions and tokens of the account end, and failed sign-ins are forgotten.

    Args:
        account: as it was read when its link was checked.
    Raises:
        LinkOutdated: its password has changed since, by another use of the link or because the account was disabled.
    """
    stored = User.objects.select_for_update(no_key=True).get(pk=account.pk)
    if stored.password != account.password:
        raise LinkOutdated
    stored.set_password(password)
    stored.save(update_fields=["password"])
    LoginFailure.objects.filter(user=stored).delete()
    revoke_tokens(stored)
