"""Reactions to what happens elsewhere; connected when the app is ready."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from config.hooks import is_quiet
from enrollments.models import User, UserRetirementStatus, UserSocialAuth
from enrollments.signals import account_retired, identity_saved
from program_enrollments.services import matriculation, retirement


@receiver(identity_saved, dispatch_uid="program_enrollments.identity_saved")
def link_waiting_students(sender: Any, identities: list[UserSocialAuth], **kwargs: Any) -> None:
    """Whoever signs in through a school's identity provider takes up what waits for their key in its programs."""
    if not is_quiet():
        matriculation.matriculate(identities)


@receiver(account_retired, dispatch_uid="program_enrollments.account_retired")
def forget_keys(sender: Any, user: User, retired: UserRetirementStatus, **kwargs: Any) -> None:
    """Partners' keys of a retired account are forgotten."""
    retirement.forget(user.pk)
