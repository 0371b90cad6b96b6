"""Signing in with a password: who may, and what if it goes wrong (contract: enrollment-api, POST /login_ajax).

Failures are counted per account. An account with too many is locked for a while; a right password does not help then.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from config.api.exceptions import Refusal
from enrollments.models import LoginFailure, User

logger = logging.getLogger(__name__)

INCOMPLETE = "There was an error receiving your login information. Please email us."
WRONG = "Email or password is incorrect."


class SignInRefused(Refusal):
    """Signing in failed.

    Args:
        value: the sentence for the person.
        error_code: one of the contract's words; none when the form was incomplete.
        context: figures that belong to the code, such as `failure_count`.
        email: the account's address, where the person has shown to know its password.
    """

    def __init__(
        self, value: str, error_code: str = "", context: dict[str, Any] | None = None, email: str = ""
    ) -> None:
        given = {"value": value, "error_code": error_code, "context": context, "email": email}
        super().__init__(value, body={"success": False, **{key: each for key, each in given.items() if each}})
        self.error_code = error_code


@dataclass(frozen=True)
class Failures:
    """Failed attempts in a row, and until when no further one is taken."""

    count: int
    locked_until: datetime | None = None

    @property
    def locked(self) -> bool:
        return self.locked_until is not None and self.locked_until > timezone.now()


def may_stay(account: User) -> bool:
    """Whether an account may sign in, and use the sign-in that it has: inactive ones where the settings say so."""
    return account.is_active or settings.ALLOW_INACTIVE_LOGIN


def check(name: str | None, password: str | None, find: Callable[[str], User | None]) -> User:
    """The account that may sign in with this name and password.

    An unknown name is told apart from a wrong password neither by the answer nor by the time it takes.

    Args:
        name: as typed: a user name or e-mail address.
        find: looks an account up by that name.
    Raises:
        SignInRefused: with the body of the answer.
    """
    if not name or not password:
        raise SignInRefused(INCOMPLETE)
    account = None if "\0" in name else find(name)
    if account is None:
        User().set_password(password)
        raise _refusal(_count_unknown(name))
    right = account.check_password(password)
    # Read after the check, which takes long: guesses made at the same time are told nothing beyond the limit.
    failures = _failures_of(account)
    if failures.locked:
        raise _refusal(failures)
    if not right:
        raise _refusal(_count(account))
    if not may_stay(account):
        raise SignInRefused(
            "Your account is not active yet. Please follow the link in the message we sent to your e-mail address.",
            "inactive-user",
            {"platform_name": settings.PLATFORM_NAME},
            account.email,
        )
    if failures.count:
        LoginFailure.objects.filter(user=account).delete()
    return account


def _failures_of(account: User) -> Failures:
    row = LoginFailure.objects.filter(user=account).first()
    return Failures(row.failure_count, row.locked_until) if row else Failures(0)


def _count(account: User) -> Failures:
    """Count one more failure; the row is locked, so that none is lost."""
    with transaction.atomic():
        row, _ = LoginFailure.objects.select_for_update().get_or_create(user=account)
        stored = Failures(row.failure_count, row.locked_until)
        if stored.locked:
            return stored
        # A lock that has run out gives all attempts back.
        row.failure_count = 1 if row.locked_until else row.failure_count + 1
        row.locked_until = _end_of_lock(row.failure_count)
        row.save(update_fields=["failure_count", "locked_until"])
        return Failures(row.failure_count, row.locked_until)


def _count_unknown(name: str) -> Failures:
    """The same for a name that nobody has: who guesses names must not learn which ones exist. Kept in the cache."""
    key = f"failed-sign-in:{hashlib.sha256(name.strip().lower().encode(errors='replace')).hexdigest()}"
    try:
        cache.add(key, 0, settings.FAILED_LOGIN_LOCKOUT_SECONDS)
        count = cache.incr(key)
        if count == settings.MAX_FAILED_LOGIN_ATTEMPTS:
            cache.touch(key, settings.FAILED_LOGIN_LOCKOUT_SECONDS)
    except Exception:
        logger.exception("the cache does not answer: a failed sign-in was not counted")
        return Failures(1)
    # A locked account counts no further.
    return Failures(min(count, settings.MAX_FAILED_LOGIN_ATTEMPTS or count), _end_of_lock(count))


def _end_of_lock(count: int) -> datetime | None:
    """Until when so many failures lock an account; None when they do not."""
    limit = settings.MAX_FAILED_LOGIN_ATTEMPTS
    if not limit or count < limit:
        return None
    return timezone.now() + timedelta(seconds=settings.FAILED_LOGIN_LOCKOUT_SECONDS)


def _refusal(failures: Failures) -> SignInRefused:
    limit, seconds = settings.MAX_FAILED_LOGIN_ATTEMPTS, settings.FAILED_LOGIN_LOCKOUT_SECONDS
    minutes = math.ceil(seconds / 60)
    context: dict[str, Any] = {"failure_count": failures.count}
    if failures.locked:
        return SignInRefused(
            f"Too many attempts: this account is locked for {minutes} minutes. You can try again after that.",
            "account-locked-out",
            {**context, "locked_out_period": minutes},
        )
    remaining = limit - failures.count
    if limit and remaining * 2 <= limit:
        return SignInRefused(
            f"{WRONG} Attempts left before the account is locked for {minutes} minutes: {remaining}.",
            "failed-login-attempt",
            {**context, "remaining_attempts": remaining, "allowed_failure_attempts": limit},
        )
    return SignInRefused(WRONG, "incorrect-email-or-password", context)
