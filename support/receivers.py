"""Reactions to what happens elsewhere; connected when the app is ready."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from enrollments.models import User, UserRetirementStatus
from enrollments.signals import account_retired
from support.services import contact


@receiver(account_retired, dispatch_uid="support.account_retired")
def forget_tickets(sender: Any, user: User, retired: UserRetirementStatus, **kwargs: Any) -> None:
    """What a retired account has written on the contact form is forgotten."""
    contact.forget(user.pk)
