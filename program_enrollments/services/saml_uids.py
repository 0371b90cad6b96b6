"""Students sign in through another attribute from now on: their identities get new uids.

Contract: program-enrollments, Background work.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError

from enrollments.models import UserSocialAuth
from enterprise.queries.emails import accounts_with, lowered
from program_enrollments.services.matriculation import LinkingFailed
from saml_admin.services.identities import SAML, rename

LONGEST = 255

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Migrated:
    """How many identities got a new uid, how many had it already, and why others did not get one."""

    renamed: int = 0
    unchanged: int = 0
    refused: list[str] = field(default_factory=list)


def migrate(slug: str, student_keys: Mapping[str, str]) -> Migrated:
    """Gives the identities of a provider's accounts the uid `slug:student key`; waiting students are linked by that.

    One identity of an account is changed, the oldest. One that cannot be saved stays as it is, the others are changed.

    Args:
        slug: the provider's.
        student_keys: the account's e-mail address, compared ignoring case -> its student key; the last one counts.
    """
    done = Migrated()
    keys = {lowered(email): key for email, key in student_keys.items()}
    accounts = dict(accounts_with(keys).values_list("lowered", "pk"))
    identities = _oldest_identities(slug, set(accounts.values()))
    wanted: list[tuple[str, str]] = []
    for email, key in keys.items():
        uid = identities.get(accounts.get(email, 0))
        new = f"{slug}:{key}"
        if uid is None:
            done.refused.append(f"{email}: nobody with this address has an identity of {slug}.")
        elif len(new) > LONGEST:
            done.refused.append(f"{email}: the student key is too long.")
        elif uid == new:
            done.unchanged += 1
        else:
            wanted.append((uid, new))
    if wanted:
        _rename_or_halve(wanted, done)
    return done


def _oldest_identities(slug: str, account_ids: set[int]) -> dict[int, str]:
    rows = UserSocialAuth.objects.filter(provider=SAML, user__in_set=account_ids, uid__startswith=f"{slug}:")
    found: dict[int, str] = {}
    for user_id, uid in rows.order_by("pk").values_list("user_id", "uid"):
        if uid.startswith(f"{slug}:"):  # SQLite ignores case in `startswith`
            found.setdefault(user_id, uid)
    return found


def _rename_or_halve(wanted: Sequence[tuple[str, str]], done: Migrated) -> None:
    """Renames together; where linking a student breaks, in halves, until the identity that breaks stands by itself."""
    try:
        renamed = rename(wanted, dry_run=False)
    except (LinkingFailed, IntegrityError) as problem:
        if len(wanted) == 1:
            logger.warning("%s was not renamed", wanted[0][0], exc_info=True)
            done.refused.append(f"{wanted[0][0]}: {problem}")
            return
        middle = len(wanted) // 2
        _rename_or_halve(wanted[:middle], done)
        _rename_or_halve(wanted[middle:], done)
    else:
        done.renamed += renamed.renamed
        done.refused += renamed.refused
