"""Rate limits of accounts, and those of the enrollment API that an operator can switch off.

Contract: enrollment-api, Throttling; support 4.3, POST /account/password.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import caches

from config.api.throttles import Bucket, EnrollmentThrottle, WindowThrottle
from enrollments.models import RateLimitConfiguration, User

CACHE_NAME = "flags"  # in the process: asking for a switch across the network costs more than the switch is worth
CACHE_KEY = "enrollment-rate-limit-enabled"
CACHE_SECONDS = 5


class SwitchedEnrollmentThrottle(EnrollmentThrottle):
    """The bucket of the whole enrollment API, for the views that `RateLimitConfiguration` switches.

    The switch is read from the database every few seconds at most: so long a change takes to count everywhere.
    """

    def enabled(self, request: Any, view: Any) -> bool:
        return is_enabled()


class PasswordResetThrottle(WindowThrottle):
    """Mails with a link for a new password, counted by who gets them, whoever asks.

    Args:
        recipient: the account.
    """

    def __init__(self, recipient: User) -> None:
        self.recipient = recipient

    def bucket(self, request: Any, view: Any) -> Bucket | None:
        return Bucket("password-reset", settings.PASSWORD_RESET_RATE, f"user:{self.recipient.pk}")


def is_enabled() -> bool:
    """The newest row's word; throttling is on without one."""
    cache = caches[CACHE_NAME]
    enabled = cache.get(CACHE_KEY)
    if enabled is None:
        newest = RateLimitConfiguration.objects.order_by("-id").values_list("enabled", flat=True).first()
        enabled = newest is not False
        cache.set(CACHE_KEY, enabled, CACHE_SECONDS)
    return bool(enabled)
