"""The outbox: mails that a committed change asks for, and how far each has come."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class OutboxMessage(models.Model):
    """One mail to one address. `key` is unique: a change that is repeated does not ask for its mail twice."""

    class State(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed", "failed, will be tried again"
        UNKNOWN = "unknown", "in doubt"
        DEAD = "dead", "given up"

    key = models.CharField(max_length=255, unique=True)
    message_type = models.CharField(max_length=64)
    recipient = models.CharField(max_length=254)
    context = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    created = models.DateTimeField(default=timezone.now, editable=False)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    sending_since = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="outbox_waiting", condition=Q(state__in=["queued", "failed"])
            ),
            models.Index(
                fields=["state", "id"],
                name="outbox_attention",
                condition=Q(state__in=["sending", "unknown", "dead", "failed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_type} to {self.recipient}"
