"""Reactions to what happens elsewhere; connected when the app is ready."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from config.hooks import is_quiet
from enrollments.models import User, UserRetirementStatus, UserSocialAuth
from enrollments.signals import (
    EnrollmentChange,
    account_retired,
    accounts_saved,
    catalogue_changed,
    enrollments_changed,
    identity_removed,
    names_changed,
)
from enterprise.services import claims, content, course_enrollments, disconnected, member_names, retirement


@receiver(accounts_saved, dispatch_uid="enterprise.accounts_saved")
def claim_what_waits(sender: Any, accounts: list[User], created: bool, **kwargs: Any) -> None:
    """Pending learners and pending admins with the accounts' addresses become real."""
    if not is_quiet():
        claims.claim(accounts)


@receiver(identity_removed, dispatch_uid="enterprise.identity_removed")
def unlink_disconnected(sender: Any, identities: list[UserSocialAuth], **kwargs: Any) -> None:
    """Who is disconnected from a customer's identity provider is no learner of the customer any more."""
    if not is_quiet():
        disconnected.unlink(identities)


@receiver(names_changed, dispatch_uid="enterprise.names_changed")
def follow_names(sender: Any, account_ids: list[int], **kwargs: Any) -> None:
    """Members are listed by a copy of their names."""
    member_names.refresh(account_ids)


@receiver(enrollments_changed, dispatch_uid="enterprise.enrollments_changed")
def follow_enrollments(sender: Any, changes: list[EnrollmentChange], origin: str, **kwargs: Any) -> None:
    """Enterprise enrollments follow plain ones; of its own changes the app has done its part already."""
    if origin != "enterprise" and not is_quiet():
        course_enrollments.follow(changes)


@receiver(account_retired, dispatch_uid="enterprise.account_retired")
def forget_retired(sender: Any, user: User, retired: UserRetirementStatus, **kwargs: Any) -> None:
    """Pending rows and consents lose the person's address and name."""
    retirement.forget(retired)


@receiver(catalogue_changed, dispatch_uid="enterprise.catalogue_changed")
def follow_catalogue(
    sender: Any, course_keys: list[str], run_keys: list[str], program_uuids: list[UUID], **kwargs: Any
) -> None:
    """What catalogs hold follows the catalogue, after a load too."""
    content.follow(course_keys, run_keys, program_uuids)
