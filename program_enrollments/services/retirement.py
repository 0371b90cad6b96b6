"""What this app forgets of a retired account (contract: program-enrollments, User retirement)."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import record_history, update_from
from enrollments.services.retirement import retired_hash
from program_enrollments.models import ProgramEnrollment

PREFIX = "retired_external_key_"


@transaction.atomic
def forget(user_id: int) -> None:
    """Replaces the keys that partners gave an account by ones that say nothing, in history too.

    Enrollments without a key stay without. Changes nothing the second time. Five statements at most.
    """
    rows = ProgramEnrollment.objects.filter(user=user_id, external_user_key__isnull=False)
    keys = rows.exclude(external_user_key__startswith=PREFIX).order_by("pk").select_for_update(no_key=True)
    forgotten = [(pk, f"{PREFIX}{retired_hash(key)}") for pk, key in keys.values_list("pk", "external_user_key") if key]
    if not forgotten:
        return
    update_from(ProgramEnrollment, ("id", "external_user_key"), forgotten, same={"modified": timezone.now()})
    record_history(ProgramEnrollment, [pk for pk, _ in forgotten], "~", user_id=acting_account_id())
    update_from(ProgramEnrollment.history.model, ("id", "external_user_key"), forgotten)
