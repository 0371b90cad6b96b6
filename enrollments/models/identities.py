"""Single sign-on identities of accounts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Lower

from config.db.history import History
from config.db.models import TimeStampedModel

SAML = "tpa-saml"  # the provider of all SAML identities; their uid begins with the slug of theirs


class UserSocialAuth(TimeStampedModel):
    """An account's identity at an identity provider: provider `tpa-saml`, uid `slug:external key`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="social_auth")
    provider = models.CharField(max_length=32)
    uid = models.CharField(max_length=255)
    extra_data = models.JSONField(default=dict, blank=True)

    history = History()

    class Meta:
        verbose_name = "SSO identity"
        verbose_name_plural = "SSO identities"
        constraints = [models.UniqueConstraint(fields=["provider", "uid"], name="social_auth_unique")]
        indexes = [models.Index(Lower("uid"), name="social_auth_uid_lower")]

    def __str__(self) -> str:
        return f"{self.provider}:{self.uid}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Whoever reacts to the save belongs to its transaction: an error there undoes the save, and that alone.
        with transaction.atomic(using=kwargs.get("using")):
            super().save(*args, **kwargs)
