"""New uids for SSO identities, when a customer changes how it names people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import record_history, update_from
from enrollments.models import UserSocialAuth
from enrollments.signals import identity_saved

SAML = "tpa-saml"


@dataclass(slots=True)
class Renamed:
    """How many identities got a new uid, and why others did not."""

    renamed: int = 0
    refused: list[str] = field(default_factory=list)


@transaction.atomic
def rename(wanted: Sequence[tuple[str, str]], *, dry_run: bool) -> Renamed:
    """Gives SAML identities new uids, and tells of it; a fixed number of statements.

    Args:
        wanted: old uid, new uid. One that nobody has, or that somebody else has already, is refused.
        dry_run: only say what would happen.
    """
    done = Renamed()
    named = {uid for pair in wanted for uid in pair}
    rows = UserSocialAuth.objects.filter(provider=SAML, uid__in_set=named).order_by("pk").select_for_update()
    known = dict(rows.values_list("uid", "pk"))
    moves: dict[int, str] = {}
    for old, new in wanted:
        if old not in known:
            done.refused.append(f"{old}: nobody has this uid.")
        elif new in known:
            done.refused.append(f"{old}: {new} is taken.")
        else:
            known[new] = known.pop(old)
            moves[known[new]] = new
            done.renamed += 1
    if not dry_run and moves:
        update_from(UserSocialAuth, ("id", "uid"), list(moves.items()), same={"modified": timezone.now()})
        record_history(UserSocialAuth, list(moves), "~", user_id=acting_account_id())
        identity_saved.send(UserSocialAuth, identities=list(UserSocialAuth.objects.filter(pk__in_set=moves)))
    return done
