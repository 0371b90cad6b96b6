"""Changes to accounts."""

from __future__ import annotations

from enrollments.models import User


def deactivate(account: User) -> None:
    """Make an account inactive: it cannot sign in, and its sessions count only where views admit such accounts."""
    if account.is_active:
        account.is_active = False
        account.save(update_fields=["is_active"])
