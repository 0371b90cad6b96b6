"""Tickets of the contact form (contract: support, /support/contact_us/)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class ContactTicket(models.Model):
    """What somebody asked for on the contact form. Goes with the account when that is retired."""

    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    requester_name = models.CharField(max_length=255, blank=True, default="")
    requester_email = models.CharField(max_length=254)
    subject = models.CharField(max_length=255)
    body = models.TextField()
    tags = models.JSONField(default=list, blank=True)
    custom_fields = models.JSONField(default=list, blank=True, help_text="Such as the course: a list of id and value.")
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.pk}: {self.subject}"
