"""Identity verification and verified names: stored facts about a learner (contract: support)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from config.db.models import TimeStampedModel


class IDVerificationAttempt(models.Model):
    """One attempt of a learner to prove who they are."""

    class Kind(models.TextChoices):
        PHOTO = "photo"
        SSO = "sso"
        MANUAL = "manual"
        GENERIC = "generic"

    class Status(models.TextChoices):
        CREATED = "created"
        READY = "ready"
        SUBMITTED = "submitted"
        MUST_RETRY = "must_retry"
        APPROVED = "approved"
        DENIED = "denied"

    # Kinds that nobody asked the learner for, so pages of the learner do not speak of them.
    HIDDEN_KINDS = (Kind.SSO, Kind.MANUAL)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="id_verifications")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PHOTO)
    name = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=100, choices=Status.choices, default=Status.CREATED)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    status_changed = models.DateTimeField(default=timezone.now)
    expiration_datetime = models.DateTimeField(null=True, blank=True, help_text="Empty: never expires.")
    receipt_id = models.CharField(max_length=255, blank=True, default="", help_text="Of whoever looked at the photos.")

    class Meta:
        verbose_name = "ID verification"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.status}"

    @property
    def is_approved(self) -> bool:
        """Whether the attempt was successful, however long ago."""
        return self.status == self.Status.APPROVED

    @property
    def is_expired(self) -> bool:
        """Whether the attempt has had its time; one without an expiration never has."""
        return self.expiration_datetime is not None and self.expiration_datetime <= timezone.now()

    @property
    def is_shown_to_learner(self) -> bool:
        """Whether pages of the learner speak of it."""
        return self.kind not in self.HIDDEN_KINDS


class VerifiedName(TimeStampedModel):
    """A name that a verification or a proctored exam has confirmed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="verified_names")
    verified_name = models.CharField(max_length=255)
    profile_name = models.CharField(max_length=255, null=True, blank=True)
    status = models.CharField(max_length=32, default="pending")
    verification_attempt_id = models.PositiveIntegerField(null=True, blank=True)
    proctored_exam_attempt_id = models.PositiveIntegerField(null=True, blank=True)
    platform_verification_attempt_id = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-created"], name="verified_name_user_created")]

    def __str__(self) -> str:
        return self.verified_name
