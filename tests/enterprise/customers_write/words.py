"""What several tests of writing customers know."""

from __future__ import annotations

BASE = "/enterprise/api/v1/enterprise-customer/"
NO_ADMIN = {"detail": "Access denied: Only admins and provisioning admins are allowed to access this endpoint."}
