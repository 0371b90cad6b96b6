"""The service's settings with the floor's URL added, and rate limits that no load meets (they are still counted)."""

from __future__ import annotations

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
ENROLLMENT_USER_RATE = ENROLLMENT_STAFF_RATE = "100000000/minute"
HIGH_SERVICE_USER_RATE = SERVICE_USER_RATE = USER_RATE = "100000000/minute"
