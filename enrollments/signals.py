"""What this app tells higher apps. Every signal is synchronous, inside the writer's transaction: an error rolls the writer back.

Receivers that react (mail, tasks, claims) first ask `config.hooks.is_quiet()`.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.dispatch import Signal

# accounts: list[User]; created: bool — after registration, sign-in through the login calls, or a change of e-mail.
accounts_saved = Signal()
# changes: list[EnrollmentChange]; origin: str, the app that asked ("enterprise" has done its own part already).
enrollments_changed = Signal()
# user: User; retired: UserRetirementStatus — the account's own tables are retired already.
account_retired = Signal()
# identities: list[UserSocialAuth] — an SSO identity was saved, or removed.
identity_saved = Signal()
identity_removed = Signal()
# course_keys: list[str]; run_keys: list[str]; program_uuids: list[UUID]
catalogue_changed = Signal()


@dataclass(frozen=True, slots=True)
class EnrollmentChange:
    """What happened to one plain enrollment.

    Args:
        enrollment_id, user_id, course_id: which one; `course_id` is the run's key.
        mode, is_active: the state after the change.
        created: the row is new.
        activated, deactivated, mode_changed: what differs from the state before.
    """

    enrollment_id: int
    user_id: int
    course_id: str
    mode: str
    is_active: bool
    created: bool = False
    activated: bool = False
    deactivated: bool = False
    mode_changed: bool = False
