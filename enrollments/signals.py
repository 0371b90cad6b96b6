"""What this app tells higher apps.

Every signal is synchronous and inside the writer's transaction: an error rolls the writer back.

Receivers that react (mail, tasks, claims) first ask `config.hooks.is_quiet()`.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.dispatch import Signal

# Sends `accounts` (list of User) and `created` (bool): after registration, a login call, or a change of e-mail.
accounts_saved = Signal()
# Sends `account_ids`: their user names, addresses or the names of their profiles may have changed.
names_changed = Signal()
# Sends `changes` (list of EnrollmentChange), `origin`, the app that asked ("enterprise" has done its part already), and
# `by_mail`: whether the learners may be mailed about it.
enrollments_changed = Signal()
# Sends `user` and `retired` (UserRetirementStatus): the account's own tables are retired already.
account_retired = Signal()
# Send `identities` (list of UserSocialAuth): SSO identities were saved, or removed.
identity_saved = Signal()
identity_removed = Signal()
# Sends `identity` (UserSocialAuth): somebody signed in with it through an identity provider. Sent by whoever completes
# such a sign-in; this service leaves that to a gateway in front of it.
sso_login_succeeded = Signal()
# Sends `course_keys`, `run_keys` (lists of texts) and `program_uuids`: the catalogue was written.
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
