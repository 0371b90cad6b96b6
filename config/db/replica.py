"""Where read-only listings may read (contract: enterprise-customers 1.5)."""

from django.conf import settings


def read_alias() -> str:
    """`read_replica` when the deployment configures one, else `default`. For listings only, never inside a write."""
    return "read_replica" if "read_replica" in settings.DATABASES else "default"
