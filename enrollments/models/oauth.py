"""OAuth applications: who may ask for tokens (contract: enrollment-api, POST /oauth2/access_token)."""

from __future__ import annotations

from django.db import models
from oauth2_provider.models import AbstractApplication

from config.db.secrets import EncryptedTextField
from enrollments.models.organizations import Organization


class OAuthApplication(AbstractApplication):
    """An application of the OAuth toolkit, with what the contract adds to it."""

    is_restricted = models.BooleanField(
        default=False, help_text="Its tokens are admitted by the course modes API only."
    )
    organizations = models.ManyToManyField(
        Organization,
        blank=True,
        related_name="oauth_applications",
        help_text="Become content_org filters of its tokens.",
    )
    allowed_scopes = models.CharField(
        max_length=255, blank=True, default="", help_text="Scopes beside the default ones, separated by blanks."
    )
    readable_client_secret = EncryptedTextField(
        keys="CLIENT_SECRET_KEYS",
        null=True,
        editable=False,
        help_text="The secret of API credentials, which are shown again later; `client_secret` holds its hash only.",
    )

    class Meta(AbstractApplication.Meta):
        swappable = "OAUTH2_PROVIDER_APPLICATION_MODEL"
        verbose_name = "OAuth application"
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(readable_client_secret__isnull=False),
                name="api_credentials_unique",
                violation_error_message="The user has API credentials already.",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.client_id
