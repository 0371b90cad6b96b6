"""Reactions to what happens elsewhere; connected when the app is ready."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from config.hooks import is_quiet
from enrollments.models import (
    Course,
    CourseMode,
    CourseOverview,
    Organization,
    Program,
    ProgramOrganization,
    User,
    UserProfile,
    UserSocialAuth,
)
from enrollments.queries import course_details
from enrollments.services import allowed, scores, sign_ins, verification_expiry
from enrollments.signals import (
    EnrollmentChange,
    accounts_saved,
    catalogue_changed,
    enrollments_changed,
    identity_removed,
    identity_saved,
    names_changed,
)


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
    if changed & {"username", "email"} and not (created or raw):
        names_changed.send(User, account_ids=[instance.pk])
    changed -= {"username"}
    if not instance.is_active:
        changed -= {"is_active"}  # nothing waits for a deactivation
    if raw or is_quiet() or not (created or changed):
        return
    if instance.is_active and instance.email and (created or changed & {"is_active", "email"}):
        allowed.honour([instance])
    accounts_saved.send(sender=User, accounts=[instance], created=created)


@receiver(user_logged_in, dispatch_uid="enrollments.signed_in")
def note_sign_in(sender: Any, user: User, **kwargs: Any) -> None:
    """A sign-in through a page or login call counts for its day."""
    sign_ins.note([(user.pk, timezone.now())])


@receiver(post_save, sender=UserProfile, dispatch_uid="enrollments.profile_saved")
def tell_of_name(
    instance: UserProfile, raw: bool = False, update_fields: Collection[str] | None = None, **kwargs: Any
) -> None:
    """Whoever keeps a copy of an account's name hears that it may be another, as of a new user name or address."""
    if not raw and (update_fields is None or "name" in update_fields):
        names_changed.send(User, account_ids=[instance.user_id])


@receiver(post_save, sender=UserSocialAuth, dispatch_uid="enrollments.identity_saved")
def tell_of_saved_identity(instance: UserSocialAuth, raw: bool = False, **kwargs: Any) -> None:
    """An account was connected with an identity provider, or is known there by another uid."""
    if not raw:
        identity_saved.send(UserSocialAuth, identities=[instance])


@receiver(post_delete, sender=UserSocialAuth, dispatch_uid="enrollments.identity_deleted")
def tell_of_removed_identity(instance: UserSocialAuth, **kwargs: Any) -> None:
    """An account was disconnected from an identity provider."""
    identity_removed.send(UserSocialAuth, identities=[instance])


@receiver(enrollments_changed, dispatch_uid="enrollments.enrollments_changed")
def follow_mode(sender: Any, changes: list[EnrollmentChange], by_mail: bool, **kwargs: Any) -> None:
    """In another mode a score counts for something else, and `verified` asks for an ID verification that holds."""
    moved = [change for change in changes if change.mode_changed]
    if not moved or is_quiet():
        return
    scores.recalculate_later([(change.user_id, change.course_id) for change in moved])
    if by_mail:
        verification_expiry.remind(moved)


@receiver([post_save, post_delete], sender=CourseMode, dispatch_uid="enrollments.mode_changed")
def forget_details_of_mode(instance: CourseMode, **kwargs: Any) -> None:
    """`GET course` shows a changed mode at once, in this process and wherever the cache is shared."""
    transaction.on_commit(lambda: course_details.forget(instance.course_id), robust=True)


@receiver([post_save, post_delete], sender=CourseOverview, dispatch_uid="enrollments.run_changed")
def forget_details_of_run(instance: CourseOverview, **kwargs: Any) -> None:
    """The same for a changed run."""
    run_id = instance.pk  # a deleted instance has none any more when the callback runs
    transaction.on_commit(lambda: course_details.forget(run_id), robust=True)


# --- The catalogue: whoever saves or deletes one of its rows tells those who keep copies of it. Loads and other writes
# in bulk tell once, themselves.


@receiver([post_save, post_delete], sender=Course, dispatch_uid="enrollments.catalogue_course")
def tell_of_course(instance: Course, **kwargs: Any) -> None:
    """A course was saved or deleted."""
    _tell(course_keys=[instance.key])


@receiver([post_save, post_delete], sender=CourseOverview, dispatch_uid="enrollments.catalogue_run")
def tell_of_run(instance: CourseOverview, **kwargs: Any) -> None:
    """A run was saved or deleted."""
    _tell(run_keys=[instance.pk])


@receiver([post_save, post_delete], sender=CourseMode, dispatch_uid="enrollments.catalogue_mode")
def tell_of_mode(instance: CourseMode, **kwargs: Any) -> None:
    """A mode of a run was saved or deleted."""
    _tell(run_keys=[instance.course_id])


@receiver([post_save, post_delete], sender=Program, dispatch_uid="enrollments.catalogue_program")
def tell_of_program(instance: Program, **kwargs: Any) -> None:
    """A program was saved or deleted."""
    _tell(program_uuids=[instance.pk])


@receiver([post_save, post_delete], sender=ProgramOrganization, dispatch_uid="enrollments.catalogue_owner")
def tell_of_owner(instance: ProgramOrganization, **kwargs: Any) -> None:
    """A program gained or lost an organisation."""
    _tell(program_uuids=[instance.program_id])


@receiver(m2m_changed, sender=Program.courses.through, dispatch_uid="enrollments.catalogue_program_courses")
def tell_of_program_courses(
    instance: Program | Course, action: str, reverse: bool, pk_set: Collection[Any] | None, **kwargs: Any
) -> None:
    """A program gained or lost courses; before `clear`, while it is known which."""
    if action in ("post_add", "post_remove", "pre_clear"):
        if isinstance(instance, Program):
            _tell(program_uuids=[instance.pk])
        else:
            programs = pk_set or instance.programs.values_list("pk", flat=True)
            _tell(program_uuids=list(programs), course_keys=[instance.key])


@receiver(post_save, sender=Organization, dispatch_uid="enrollments.catalogue_organization")
def tell_of_organization(instance: Organization, created: bool, **kwargs: Any) -> None:
    """An organisation was changed: its courses and programs show its name."""
    if not created and not is_quiet():
        owned = ProgramOrganization.objects.filter(organization=instance)
        _tell(
            course_keys=list(instance.courses.values_list("key", flat=True)),
            program_uuids=list(owned.values_list("program_id", flat=True)),
        )


def _tell(course_keys: Sequence[str] = (), run_keys: Sequence[str] = (), program_uuids: Sequence[Any] = ()) -> None:
    if not is_quiet():
        catalogue_changed.send(
            Course, course_keys=list(course_keys), run_keys=list(run_keys), program_uuids=list(program_uuids)
        )
