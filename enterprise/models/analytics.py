"""Texts about a customer's learners that were asked for once and are kept (contract: enterprise-customers 4.12)."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from django.db import models

from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer


def hash_of_prompt(prompt: str) -> str:
    """The MD5 of a prompt in hexadecimal: what stored answers are found by, no protection of anything."""
    return hashlib.md5(prompt.encode(), usedforsecurity=False).hexdigest()


class ChatGPTResponse(TimeStampedModel):
    """The answer to one prompt of one customer; the same prompt is never asked twice."""

    class PromptType(models.TextChoices):
        LEARNER_PROGRESS = "learner_progress"
        LEARNER_ENGAGEMENT = "learner_engagement"

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="chat_gpt_responses", db_index=False
    )
    prompt = models.TextField()
    prompt_hash = models.CharField(max_length=32, editable=False)
    response = models.TextField()
    prompt_type = models.CharField(max_length=32, choices=PromptType.choices)

    class Meta:
        verbose_name = "analytics summary"
        verbose_name_plural = "analytics summaries"
        ordering = ["created"]
        constraints = [
            models.UniqueConstraint(fields=["enterprise_customer", "prompt_hash"], name="analytics_prompt_unique")
        ]

    def __str__(self) -> str:
        return f"{self.prompt_type} of {self.enterprise_customer_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.prompt_hash = hash_of_prompt(self.prompt)
        super().save(*args, **kwargs)
