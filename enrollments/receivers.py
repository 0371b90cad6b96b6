"""Reactions to what happens elsewhere; connected when the app is ready."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from config.hooks import is_quiet
from enrollments.models import CourseMode, CourseOverview, User
from enrollments.queries import course_details
from enrollments.services import allowed
from enrollments.signals import accounts_saved


@receiver(post_save, sender=User, dispatch_uid="enrollments.account_saved")
def account_saved(
    sender: type[User],
    instance: User,
    created: bool,
    raw: bool = False,
    update_fields: Collection[str] | None = None,
    **kwargs: Any,
) -> None:
    """Registration, sign-in, activation, a change of e-mail: what waits for the account is honoured, others are told.

    A sign-in through a page or login call shows as a new `last_login`; token calls leave the account as it is.
    Contract: enrollment-api, User and profile; roles-and-permissions 8; enterprise-learners, Account saved.
    """
    changed = instance.unsaved_changes(update_fields)
    instance.remember(update_fields)
    if not instance.is_active:
        changed -= {"is_active"}  # nothing waits for a deactivation
    if raw or is_quiet() or not (created or changed):
        return
    if instance.is_active and instance.email and (created or changed & {"is_active", "email"}):
        allowed.honour([instance])
    accounts_saved.send(sender=User, accounts=[instance], created=created)


@receiver([post_save, post_delete], sender=CourseMode, dispatch_uid="enrollments.mode_changed")
def forget_details_of_mode(instance: CourseMode, **kwargs: Any) -> None:
    """`GET course` shows a changed mode at once, in this process and wherever the cache is shared."""
    transaction.on_commit(lambda: course_details.forget(instance.course_id), robust=True)


@receiver([post_save, post_delete], sender=CourseOverview, dispatch_uid="enrollments.run_changed")
def forget_details_of_run(instance: CourseOverview, **kwargs: Any) -> None:
    """The same for a changed run."""
    run_id = instance.pk  # a deleted instance has none any more when the callback runs
    transaction.on_commit(lambda: course_details.forget(run_id), robust=True)
