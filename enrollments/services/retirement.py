"""Forgetting learners: an account stays as a number without a person (contract: support 4.3, Retiring)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import get_random_string

from config.api.exceptions import Refusal
from config.db.sets import delete_recorded, update_from
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
from enrollments.queries.accounts import cancellable
from enrollments.services.accounts import deactivate
from enrollments.services.oauth_clients import revoke_tokens, revoke_tokens_of
from enrollments.services.unenroll import deactivate_all
from enrollments.signals import account_retired, identity_removed, names_changed

PENDING, COMPLETE = "PENDING", "COMPLETE"
NO_SUCH_RETIREMENT = "Retirement does not exist!"
RANDOM_PASSWORD_LENGTH = 64


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
    begin_all([user.pk])
    return UserRetirementStatus.objects.select_related("current_state").get(user=user)


def begin_named(usernames: Collection[str]) -> tuple[list[str], list[str]]:
    """Ask for the retirement of the accounts with these user names, as `begin` does.

    Returns:
        The names whose accounts are about to be retired now, and those that nobody has; each in the order given.
    """
    possible = [name for name in usernames if name.isprintable()]
    known = dict(User.objects.filter(username__in_set=possible).values_list("username", "pk"))
    begin_all(set(known.values()))
    return [name for name in usernames if name in known], [name for name in usernames if name not in known]


@transaction.atomic
def begin_all(user_ids: Collection[int]) -> None:
    """Ask for the retirement of many accounts, as `begin` does; the statements do not grow with them."""
    accounts = _locked(user_ids)
    begun = set(UserRetirementStatus.objects.filter(user__in_set=list(accounts)).values_list("user_id", flat=True))
    retiring = [account for account in accounts.values() if account.pk not in begun]
    if not retiring:
        return
    ids = [account.pk for account in retiring]
    names = dict(UserProfile.objects.filter(user__in_set=ids).values_list("user_id", "name"))
    pending = RetirementState.objects.get(state_name=PENDING)
    UserRetirementStatus.objects.bulk_create(
        UserRetirementStatus(
            user=account,
            original_username=account.username,
            original_email=account.email,
            original_name=names.get(account.pk, ""),
            retired_username=retired_username(account.username),
            retired_email=retired_email(account.email),
            current_state=pending,
            last_state=pending,
        )
        for account in retiring
    )
    # Without the signals of a save: nothing waits for a retired address.
    changed = [(account.pk, retired_email(account.email), make_password(None)) for account in retiring]
    update_from(User, ("pk", "email", "password"), changed)
    names_changed.send(User, account_ids=ids)
    _forget_identities(ids)
    revoke_tokens_of(ids)


@transaction.atomic
def cancel(retirement_id: int) -> None:
    """Give an account back whose retirement was asked for: its address as it was, and a password that nobody knows.

    Its owner asks for a new password by mail. SSO identities and tokens stay deleted.

    Raises:
        Refusal: there is no such retirement, it has begun, its cool-off period is over, or the address has gone to
            somebody else in the meantime.
    """
    rows = UserRetirementStatus.objects.filter(pk=retirement_id)
    owner = rows.values_list("user_id", flat=True).first()
    account = _locked([owner]).get(owner) if owner else None
    # Read under the lock: of two who cancel at once, the second one finds nothing.
    status = rows.select_related("current_state").first()
    if account is None or status is None:
        raise Refusal(NO_SUCH_RETIREMENT)
    state = status.current_state.state_name
    if state != PENDING:
        raise Refusal(f"Only retirements in state {PENDING} can be cancelled; this one is in state {state}.")
    if not cancellable(status):
        raise Refusal(f"Retirements can be cancelled for {settings.COOL_OFF_DAYS} days; this one is older.")
    successor = User.objects.by_email(status.original_email) if status.original_email else None
    if successor is not None and successor.pk != account.pk:
        raise Refusal("The e-mail address of the account belongs to another account now.")
    account.email = status.original_email
    account.set_password(get_random_string(RANDOM_PASSWORD_LENGTH))
    account.save(update_fields=["email", "password"])
    status.delete()


def _locked(user_ids: Collection[int]) -> dict[int, User]:
    """The accounts that exist, by id, locked in the order of the whole service."""
    rows = User.objects.filter(pk__in_set=user_ids).order_by("pk").select_for_update(no_key=True)
    return {account.pk: account for account in rows}


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


def _forget_identities(user_ids: Collection[int]) -> None:
    """Deletes the SSO identities of accounts with their history."""
    identities = list(UserSocialAuth.objects.filter(user__in_set=user_ids))
    ids = [identity.pk for identity in identities]
    delete_recorded(UserSocialAuth, ids)
    if identities:
        identity_removed.send(UserSocialAuth, identities=identities)
    states = UserSocialAuth.history.filter(Q(user_id__in_set=user_ids) | Q(id__in_set=ids))
    # What copies the table elsewhere row by row must not keep what the rows said.
    states.update(uid="", extra_data={})
    states.delete()


def _forget_person(account: User, status: UserRetirementStatus) -> None:
    _forget_identities([account.pk])
    VerifiedName.objects.filter(user=account).delete()
    IDVerificationAttempt.objects.filter(user=account).update(name="", error="", receipt_id="")
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
