"""Reactions to what happens elsewhere; connected when the app is ready."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from config.hooks import is_quiet
from enrollments.models import User, UserRetirementStatus
from enrollments.signals import EnrollmentChange, account_retired, enrollments_changed
from support.services import contact, proctoring


@receiver(account_retired, dispatch_uid="support.account_retired")
def forget_tickets(sender: Any, user: User, retired: UserRetirementStatus, **kwargs: Any) -> None:
    """What a retired account has written on the contact form is forgotten."""
    contact.forget(user.pk)


@receiver(enrollments_changed, dispatch_uid="support.enrollments_changed")
def tell_of_proctored_exams(sender: Any, changes: list[EnrollmentChange], by_mail: bool, **kwargs: Any) -> None:
    """Learners in a mode with proctored exams hear what these ask of them."""
    moved = [change for change in changes if change.mode_changed]
    if moved and by_mail and not is_quiet():
        proctoring.send_requirements(moved)
