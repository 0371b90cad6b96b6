"""Reminders of invitations that nobody took up (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from enrollments.services import outbox
from enterprise.models import PendingEnterpriseCustomerAdminUser
from enterprise.queries.admin_members import admin_addresses, learner_addresses
from enterprise.services import admin_mails

logger = logging.getLogger(__name__)

BATCH = 500
BETWEEN_REMINDERS = timedelta(days=3)
RESULTS = ("processed", "sent", "skipped_active", "skipped_not_due", "skipped_max", "failures")


def remind() -> dict[str, int]:
    """Reminds of the oldest invitations that are due, each in a transaction of its own; says what became of them.

    Due: ADMIN_INVITE_REMINDER_DAYS old, reminded less than ADMIN_INVITE_MAX_REMINDERS times, and not in the last days.
    """
    results: Counter[str] = Counter()
    for pk in list(_due().values_list("pk", flat=True)[:BATCH]):
        results["processed"] += 1
        try:
            results[_remind_of(pk)] += 1
        except Exception:
            logger.exception("the reminder of admin invitation %s failed", pk)
            results["failures"] += 1
    return {name: results[name] for name in RESULTS}


def _due() -> QuerySet[PendingEnterpriseCustomerAdminUser]:
    """The invitations whose time has come, the oldest first."""
    now = timezone.now()
    old = PendingEnterpriseCustomerAdminUser.objects.filter(
        created__lte=now - timedelta(days=settings.ADMIN_INVITE_REMINDER_DAYS)
    )
    reminded = PendingEnterpriseCustomerAdminUser.history.filter(id=OuterRef("pk"), history_type="~").order_by()
    number = reminded.values("id").values(number=Count("reminder_sent_at", distinct=True))
    due = old.annotate(reminders=Coalesce(Subquery(number), 0)).filter(
        reminders__lt=settings.ADMIN_INVITE_MAX_REMINDERS
    )
    return due.exclude(reminder_sent_at__gt=now - BETWEEN_REMINDERS).order_by("created", "pk")


@transaction.atomic
def _remind_of(pk: int) -> str:
    """Which of RESULTS became of one invitation: it is looked at once more under its lock."""
    rows = PendingEnterpriseCustomerAdminUser.objects.select_for_update(of=("self",))
    invited = rows.select_related("enterprise_customer").filter(pk=pk).first()
    if invited is None:
        return "skipped_not_due"
    if admin_addresses(invited.enterprise_customer_id, [invited.user_email]):
        return "skipped_active"
    sent = invited.history.filter(history_type="~", reminder_sent_at__isnull=False)
    number = sent.values("reminder_sent_at").distinct().count()
    if number >= settings.ADMIN_INVITE_MAX_REMINDERS:
        return "skipped_max"
    now = timezone.now()
    if invited.reminder_sent_at and invited.reminder_sent_at > now - BETWEEN_REMINDERS:
        return "skipped_not_due"
    is_learner = bool(learner_addresses(invited.enterprise_customer_id, [invited.user_email]))
    outbox.queue([admin_mails.reminder(invited.pk, invited.user_email, is_learner, number + 1)])
    invited.reminder_sent_at = now
    invited.save()
    return "sent"
