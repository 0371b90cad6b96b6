"""Rate limits (contract: enrollment-api Throttling, enterprise-customers 1.3).

A rate such as `60/minute` holds for the last minute at any moment: the window slides. It is counted in six slots of a
sixth of the period, each an atomic counter in the cache: a request costs the same at any rate, and no count is lost
between two of them. Only the oldest slot, which the window's edge cuts, counts in proportion.
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from functools import lru_cache
from time import time
from typing import Any, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from rest_framework.throttling import BaseThrottle

from config.api.addresses import client_address
from config.api.permissions import has_api_key

logger = logging.getLogger(__name__)

SLOTS = 6
PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Rate(NamedTuple):
    """So many requests in so many seconds."""

    requests: int
    seconds: int


class Bucket(NamedTuple):
    """What a request counts in: a scope, whose limit is the rate, and whom it counts for."""

    scope: str
    rate: str
    ident: str


@lru_cache(maxsize=64)
def parse_rate(rate: str) -> Rate | None:
    """A rate such as `40/minute` (also `s`, `h`, `d` and their words); None for an empty one: no limit.

    Raises:
        ImproperlyConfigured: it is none.
    """
    if not rate:
        return None
    number, _, period = rate.partition("/")
    seconds = PERIODS.get(period.strip()[:1].lower())
    if not number.strip().isdigit() or seconds is None:
        raise ImproperlyConfigured(f"{rate!r} is no rate such as 40/minute.")
    return Rate(int(number), seconds)


class WindowThrottle(BaseThrottle, ABC):
    """Counts requests per bucket. Subclasses say which bucket a request belongs to.

    A cache that does not answer lets requests pass: late counting is better than no service.
    """

    wait_seconds: float | None = None

    def enabled(self, request: Any, view: Any) -> bool:
        """Whether the limit applies to the request at all; for subclasses with a switch."""
        return True

    @abstractmethod
    def bucket(self, request: Any, view: Any) -> Bucket | None:
        """The bucket of a request; None when it is not counted."""

    def ident(self, request: Any) -> str:
        """The caller: the account's id, or the address of an anonymous one."""
        account = getattr(request, "user", None)
        if account is not None and account.is_authenticated:
            return f"user:{account.pk}"
        return f"ip:{client_address(request)}"

    def allow_request(self, request: Any, view: Any) -> bool:
        bucket = self.bucket(request, view) if self.enabled(request, view) else None
        rate = parse_rate(bucket.rate) if bucket else None
        if bucket is None or rate is None:
            return True
        try:
            return self.count(bucket, rate)
        except Exception:
            logger.exception("the cache does not answer: a request was not counted")
            return True

    def count(self, bucket: Bucket, rate: Rate) -> bool:
        """Count one request, unless the rate is used up."""
        length = rate.seconds / SLOTS
        slot, fraction = divmod(time() / length, 1)
        # The period is part of the key: with another one the slots are others.
        keys = [f"throttle:{bucket.scope}:{rate.seconds}:{bucket.ident}:{int(slot) - age}" for age in range(SLOTS + 1)]
        counts: list[float] = [*_counted(keys[0], keys[1:], math.ceil(rate.seconds + 2 * length))]
        counts[-1] *= 1 - fraction
        excess = sum(counts) - rate.requests
        if excess <= 0:
            return True
        counts[0] = cache.decr(keys[0])
        self.wait_seconds = min(_drained_after(excess, counts, fraction) * length, rate.seconds)
        return False

    def wait(self) -> float | None:
        """Seconds until the next request will be admitted."""
        return self.wait_seconds


class UserThrottle(WindowThrottle):
    """The enterprise area's scopes: `user`, or for service accounts the scope of `service_scope` (and no other)."""

    service_scope = "service_user"

    def bucket(self, request: Any, view: Any) -> Bucket | None:
        scope = self.service_scope if _is_service_account(request.user) else "user"
        return Bucket(f"enterprise:{scope}", getattr(settings, f"{scope.upper()}_RATE"), self.ident(request))


class HighServiceUserThrottle(UserThrottle):
    """The same with the higher rate for service accounts: all of `enterprise-customer`."""

    service_scope = "high_service_user"


class EnrollmentThrottle(WindowThrottle):
    """One bucket per caller for the whole enrollment API; staff and superusers have more, an API key no limit."""

    def bucket(self, request: Any, view: Any) -> Bucket | None:
        if has_api_key(request):
            return None
        if request.user.is_staff or request.user.is_superuser:
            return Bucket("enrollment:staff", settings.ENROLLMENT_STAFF_RATE, self.ident(request))
        return Bucket("enrollment:user", settings.ENROLLMENT_USER_RATE, self.ident(request))


class TokenThrottle(WindowThrottle):
    """The token endpoint, per address. Serves Django's own views too: `allow_request(request, None)`, then `wait()`."""

    def bucket(self, request: Any, view: Any) -> Bucket | None:
        return Bucket("token", settings.TOKEN_RATE, f"ip:{client_address(request)}")


class TicketThrottle(WindowThrottle):
    """Tickets of the contact form, per account. Serves Django's own views too."""

    def bucket(self, request: Any, view: Any) -> Bucket | None:
        return Bucket("ticket", settings.TICKET_RATE, self.ident(request))


def _is_service_account(account: Any) -> bool:
    names = settings.ENTERPRISE_ALL_SERVICE_USERNAMES or [
        settings.ECOMMERCE_SERVICE_WORKER_USERNAME,
        settings.ENTERPRISE_SERVICE_WORKER_USERNAME,
    ]
    username = account.get_username()
    return bool(username) and username in names


def _counted(key: str, others: list[str], timeout: int) -> list[int]:
    """Add one to a counter that may not exist yet; its new value, and the values of the others."""
    at_once = getattr(cache, "increment_and_read", None)  # on Redis: one exchange instead of three
    if at_once is not None:
        return list(at_once(key, others, timeout))
    try:
        newest = cache.incr(key)
    except ValueError:
        cache.add(key, 0, timeout)
        newest = cache.incr(key)
    found = cache.get_many(others)
    return [newest, *(found.get(other, 0) for other in others)]


def _drained_after(excess: float, counts: list[float], fraction: float) -> float:
    """Slots' lengths until so many of the counted requests have left the window, oldest first."""
    remaining = 1 - fraction
    for age, count in enumerate(reversed(counts)):
        length = remaining if age == 0 else 1.0
        if count >= excess:
            return (age and remaining + age - 1) + length * excess / count
        excess -= count
    return remaining + SLOTS
