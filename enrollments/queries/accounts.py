"""Finding accounts, and reading them for the accounts API.

Contract: enrollment-api, GET /api/user/v1/accounts; support 4.3, Rules of the accounts calls.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from config.db.ids import LARGEST_ID
from enrollments.models import User, UserRetirementStatus, VerifiedName


def by_sign_in_name(name: str) -> User | None:
    """The account somebody means who signs in: by user name exactly, else by e-mail (exactly, then ignoring case)."""
    return User.objects.filter(username=name).first() or (User.objects.by_email(name) if "@" in name else None)


def shown() -> QuerySet[User]:
    """Accounts with all that the accounts API shows of them, in one statement: the profile, and `verified_name`."""
    approved = VerifiedName.objects.filter(user=OuterRef("pk"), status="approved").order_by("-created", "-pk")
    return User.objects.select_related("profile").annotate(verified_name=Subquery(approved.values("verified_name")[:1]))


def shown_by_usernames(usernames: Collection[str]) -> list[User]:
    """The accounts that have one of these user names, ordered by user name."""
    return list(shown().filter(username__in=usernames).order_by("username"))


def shown_by_email(email: str) -> User | None:
    """The account with an e-mail address, unless that address is the one it had when its retirement was asked for."""
    found = User.objects.by_email(email)
    if found is None:
        return None
    retired = UserRetirementStatus.objects.filter(user=found, original_email__iexact=email)
    return shown().filter(pk=found.pk).exclude(pk__in=retired.values("user")).first()


def shown_by_id(lms_user_id: int) -> User | None:
    """The account with an id; None for a number that no account can have."""
    return shown().filter(pk=lms_user_id).first() if lms_user_id <= LARGEST_ID else None


def retirement_of_email(email: str) -> UserRetirementStatus | None:
    """The newest retirement of an account that had this address."""
    return UserRetirementStatus.objects.filter(original_email__iexact=email).order_by("-created").first()


def cancellable(retirement: UserRetirementStatus) -> bool:
    """Whether a retirement has not begun yet (`PENDING`) and its cool-off period still runs (`COOL_OFF_DAYS`)."""
    begun = timezone.now() - timedelta(days=settings.COOL_OFF_DAYS)
    return retirement.current_state.state_name == "PENDING" and retirement.created > begun
