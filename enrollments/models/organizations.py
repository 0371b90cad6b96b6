"""Organisations that own courses and programs."""

from __future__ import annotations

import uuid

from django.db import models

from config.db.models import TimeStampedModel


class Organization(TimeStampedModel):
    """A school or company; `short_name` is the org part of its course keys."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    short_name = models.CharField(max_length=255, unique=True)
    name = models.CharField(max_length=255)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["short_name"]

    def __str__(self) -> str:
        return self.short_name
