"""Rate limits of the enrollment API that an operator can switch off (contract: enrollment-api, Throttling)."""

from __future__ import annotations

from typing import Any

from django.core.cache import caches

from config.api.throttles import EnrollmentThrottle
from enrollments.models import RateLimitConfiguration

CACHE_NAME = "flags"  # in the process: asking for a switch across the network costs more than the switch is worth
CACHE_KEY = "enrollment-rate-limit-enabled"
CACHE_SECONDS = 5


class SwitchedEnrollmentThrottle(EnrollmentThrottle):
    """The bucket of the whole enrollment API, for the views that `RateLimitConfiguration` switches.

    The switch is read from the database every few seconds at most: so long a change takes to count everywhere.
    """

    def enabled(self, request: Any, view: Any) -> bool:
        return is_enabled()


def is_enabled() -> bool:
    """The newest row's word; throttling is on without one."""
    cache = caches[CACHE_NAME]
    enabled = cache.get(CACHE_KEY)
    if enabled is None:
        newest = RateLimitConfiguration.objects.order_by("-id").values_list("enabled", flat=True).first()
        enabled = newest is not False
        cache.set(CACHE_KEY, enabled, CACHE_SECONDS)
    return bool(enabled)
