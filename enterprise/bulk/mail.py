"""The mails that rows ask for, inserted with what they tell of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, F, QuerySet, Value, When
from django.db.models.functions import Cast, Concat, JSONObject

from config.db.sets import insert_from
from enrollments.models import OutboxMessage
from enrollments.services.outbox import queue_delivery
from enterprise.models import BulkJob

MESSAGE_TYPE = "enterprise.enrollment"


def ask_for(job: BulkJob, rows: QuerySet[Any], moment: datetime) -> None:
    """One mail per row, never twice; the renderer looks everything else up when it is sent. One statement.

    Args:
        rows: those of the job whose learners are to hear of their enrollment.
    """
    insert_from(
        OutboxMessage,
        rows.order_by("position"),
        {
            "key": Concat(Value(f"bulk:{job.pk}:"), Cast("position", CharField())),
            "message_type": MESSAGE_TYPE,
            "recipient": Case(
                When(account_id__isnull=True, then=F("given_email")), default=F("email"), output_field=CharField()
            ),
            "context": JSONObject(row=F("id")),
            "state": OutboxMessage.State.QUEUED.value,
            "attempts": 0,
            "last_error": "",
            "created": moment,
            "next_attempt_at": moment,
            "sending_since": None,
            "sent_at": None,
        },
    )
    queue_delivery()
