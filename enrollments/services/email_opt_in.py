"""Whether an account wants e-mail of an organisation (contract: enrollment-api, POST enrollment step 18)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from enrollments.models import User, UserOrgTag, UserProfile
from enrollments.services import tracking
from enrollments.services.tracking import Line

KEY = "email-optin"
AGE_OF_CONSENT = 13


def store(account: User, org: str, wanted: Any) -> None:
    """Stores the answer of an account; that of a child is always no, and so is whatever is not clearly a yes."""
    opted_in = (wanted is True or str(wanted).lower() == "true") and not _is_child(account)
    UserOrgTag.objects.update_or_create(user=account, org=org, key=KEY, defaults={"value": str(opted_in)})
    event = "edx.bi.user.org_email.opted_in" if opted_in else "edx.bi.user.org_email.opted_out"
    tracking.emit([Line(event, {"user_id": account.pk, "org": org})])


def _is_child(account: User) -> bool:
    """Whether the year of birth leaves it open that the account's owner is under 13; an unknown year does not."""
    year = UserProfile.objects.filter(user=account).values_list("year_of_birth", flat=True).first()
    return year is not None and timezone.now().year - year <= AGE_OF_CONSENT
