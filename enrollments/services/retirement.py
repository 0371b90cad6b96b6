"""Forgetting learners: an account stays as a number without a person (contract: support 4.3, Retiring)."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from config.hooks import quiet
from enrollments.models import (
    CourseAccessRole,
    CourseEnrollment,
    CourseEnrollmentAllowed,
    IDVerificationAttempt,
    LoginFailure,
    ManualEnrollmentAudit,
    RetirementState,
    User,
    UserOrgTag,
    UserProfile,
    UserRetirementStatus,
    UserSocialAuth,
    VerifiedName,
)
from enrollments.services.accounts import deactivate
from enrollments.services.oauth_clients import revoke_tokens
from enrollments.services.unenroll import deactivate_all
from enrollments.signals import account_retired

PENDING, COMPLETE = "PENDING", "COMPLETE"


def retired_hash(value: str) -> str:
    """What stands for a name, address or key to be forgotten: always the same, and no way back without the salt."""
    salted = f"{settings.RETIRED_USER_SALTS[-1]}{value.lower()}"
    return hashlib.sha1(salted.encode(), usedforsecurity=False).hexdigest()


def retired_username(username: str) -> str:
    """The user name of a retired account."""
    return f"retired__user_{retired_hash(username)}"


def retired_email(email: str) -> str:
    """The e-mail address of a retired account; no mail can reach it. No address stays none."""
    return f"retired__user_{retired_hash(email)}@retired.invalid" if email else ""


def begin(user: User) -> UserRetirementStatus:
    """Ask for the retirement of an account: nobody can use it any more, but it can be given back.

    The e-mail address becomes its retired form, the password unusable (which ends all sessions); tokens are deleted,
    and SSO identities with their history. Asking again changes nothing.
    """
    with transaction.atomic():
        account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        pending = RetirementState.objects.get(state_name=PENDING)
        status, created = UserRetirementStatus.objects.get_or_create(
            user=account,
            defaults={
                "original_username": account.username,
                "original_email": account.email,
                "original_name": account.full_name() or "",
                "retired_username": retired_username(account.username),
                "retired_email": retired_email(account.email),
                "current_state": pending,
                "last_state": pending,
            },
        )
        if created:
            account.email = status.retired_email
            account.set_unusable_password()
            with quiet():  # nothing waits for the retired address
                account.save(update_fields=["email", "password"])
            _forget_identities(account)
            revoke_tokens(account)
    return status


def retire(user: User) -> UserRetirementStatus:
    """Retire an account for good, in one step and all or nothing.

    Beside what `begin` does: enrollments end, the allowances of the address go, audits lose reason and address, the
    profile is emptied, rights and verified names go, and the account gets its retired user name. Higher apps do their
    part on `account_retired`. Retiring a retired account changes nothing.
    """
    with transaction.atomic():
        status = begin(user)
        if status.current_state.state_name == COMPLETE:
            return status
        account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        deactivate_all(account, CourseEnrollment.objects.filter(user=account, is_active=True))
        _forget_in_enrollments(account, status)
        _forget_person(account, status)
        status.last_state = status.current_state
        status.current_state = RetirementState.objects.get(state_name=COMPLETE)
        status.save()
        account_retired.send(sender=User, user=account, retired=status)
    return status


def _forget_in_enrollments(account: User, status: UserRetirementStatus) -> None:
    theirs = Q(enrollment__user=account)
    if status.original_email:
        CourseEnrollmentAllowed.objects.filter(email__iexact=status.original_email).delete()
        theirs |= Q(enrolled_email__iexact=status.original_email)
    audits = list(ManualEnrollmentAudit.objects.filter(theirs).values_list("pk", flat=True))
    forgotten = {"reason": "", "enrolled_email": status.retired_email}
    for table in (ManualEnrollmentAudit.objects, ManualEnrollmentAudit.history):
        table.filter(id__in=audits).update(**forgotten)
    UserOrgTag.objects.filter(user=account).delete()


def _forget_identities(account: User) -> None:
    """Deletes the SSO identities of an account with their history."""
    ids = list(UserSocialAuth.objects.filter(user=account).values_list("pk", flat=True))
    UserSocialAuth.objects.filter(user=account).delete()
    states = UserSocialAuth.history.filter(Q(user_id=account.pk) | Q(id__in=ids))
    # What copies the table elsewhere row by row must not keep what the rows said.
    states.update(uid="", extra_data={})
    states.delete()


def _forget_person(account: User, status: UserRetirementStatus) -> None:
    _forget_identities(account)
    VerifiedName.objects.filter(user=account).delete()
    IDVerificationAttempt.objects.filter(user=account).update(name="")
    LoginFailure.objects.filter(user=account).delete()
    if UserProfile.objects.filter(user=account).delete()[0]:
        UserProfile.objects.create(user=account)
    account.groups.clear()
    account.user_permissions.clear()
    CourseAccessRole.objects.filter(user=account).delete()
    account.username = status.retired_username
    account.email = status.retired_email
    account.first_name = account.last_name = ""
    account.is_staff = account.is_superuser = False
    account.set_unusable_password()
    with quiet():
        account.save()
        deactivate(account)
    revoke_tokens(account)
