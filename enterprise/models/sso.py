"""How customers sign in from their own identity providers (contract: enterprise-admins-groups-sso, Data model).

The table only: what happens with a configuration is the business of `saml_admin`.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer
from enterprise.models.removal import PresentManager

# What the orchestrator is told: none of it changes while it works, and a change has to be submitted again.
SUBMITTED_FIELDS = (
    "metadata_url", "metadata_xml", "entity_id", "user_id_attribute", "full_name_attribute", "first_name_attribute",
    "last_name_attribute", "email_attribute", "username_attribute", "country_attribute", "active",
    "update_from_metadata", "odata_api_timeout_interval", "odata_api_root_url", "odata_company_id",
    "sapsf_oauth_root_url", "odata_api_request_timeout", "sapsf_private_key", "odata_client_id", "oauth_user_id",
)  # fmt: skip
LOCKED = "Field is locked as the configuration has already been submitted."
SAP = "sap_success_factors"  # an identity provider of a kind of its own


def time_to_answer() -> timedelta:
    """How long a submitted configuration waits for the orchestrator."""
    return timedelta(
        hours=settings.ENTERPRISE_SSO_ORCHESTRATOR_TIMEOUT_HOURS,
        minutes=settings.ENTERPRISE_SSO_ORCHESTRATOR_TIMEOUT_MINUTES,
    )


class EnterpriseCustomerSsoConfiguration(TimeStampedModel):
    """A customer's sign-on with one identity provider. Its state follows from the four moments, and is never stored."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="sso_configurations", db_index=False
    )
    display_name = models.CharField(max_length=255, null=True, blank=True, help_text="Made up when left empty.")
    active = models.BooleanField(default=False)
    identity_provider = models.CharField(max_length=255, blank=True, default="")
    metadata_url = models.CharField(max_length=255, null=True, blank=True)
    metadata_xml = models.TextField(null=True, blank=True)
    entity_id = models.CharField(max_length=255, null=True, blank=True)
    update_from_metadata = models.BooleanField(default=True)
    user_id_attribute = models.CharField(max_length=128, null=True, blank=True)
    full_name_attribute = models.CharField(max_length=128, null=True, blank=True)
    first_name_attribute = models.CharField(max_length=128, null=True, blank=True)
    last_name_attribute = models.CharField(max_length=128, null=True, blank=True)
    email_attribute = models.CharField(max_length=128, null=True, blank=True)
    username_attribute = models.CharField(max_length=128, null=True, blank=True)
    country_attribute = models.CharField(max_length=128, null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    configured_at = models.DateTimeField(null=True, blank=True)
    validated_at = models.DateTimeField(null=True, blank=True)
    errored_at = models.DateTimeField(null=True, blank=True)
    marked_authorized = models.BooleanField(
        default=False, help_text="The admin says that the identity provider knows our metadata."
    )
    odata_api_timeout_interval = models.PositiveIntegerField(null=True, blank=True, default=29)
    odata_api_request_timeout = models.PositiveIntegerField(null=True, blank=True, default=29)
    odata_api_root_url = models.CharField(max_length=255, null=True, blank=True)
    odata_company_id = models.CharField(max_length=255, null=True, blank=True)
    sapsf_oauth_root_url = models.CharField(max_length=255, null=True, blank=True)
    sapsf_private_key = models.TextField(null=True, blank=True)
    odata_client_id = models.CharField(max_length=255, null=True, blank=True)
    oauth_user_id = models.CharField(max_length=255, null=True, blank=True)
    is_removed = models.BooleanField(default=False)

    objects = PresentManager["EnterpriseCustomerSsoConfiguration"]()
    all_objects: ClassVar[models.Manager[EnterpriseCustomerSsoConfiguration]] = models.Manager()
    history = History()

    class Meta:
        verbose_name = "SSO configuration"
        ordering = ["created"]
        base_manager_name = "all_objects"
        indexes = [
            models.Index(
                fields=["enterprise_customer", "created"],
                name="sso_configuration_customer",
                condition=models.Q(is_removed=False),
            )
        ]

    def __str__(self) -> str:
        return self.display_name or str(self.uuid)

    @property
    def is_pending_configuration(self) -> bool:
        """Whether it was submitted, and the orchestrator may still answer."""
        if self.submitted_at is None:
            return False
        if self.submitted_at + time_to_answer() <= timezone.now():
            return False
        has_failed = self.errored_at is not None and self.errored_at > self.submitted_at
        return not has_failed and (self.configured_at is None or self.configured_at < self.submitted_at)

    def clean(self) -> None:
        """
        Raises:
            ValidationError: a locked field changes while the orchestrator works.
        """
        stored = type(self).all_objects.filter(pk=self.pk).first() if not self._state.adding else None
        if stored is not None and stored.is_pending_configuration:
            changed = [name for name in SUBMITTED_FIELDS if getattr(stored, name) != getattr(self, name)]
            if changed:
                raise ValidationError(dict.fromkeys(changed, LOCKED))

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and self.display_name is None:
            configurations = type(self).objects.filter(enterprise_customer_id=self.enterprise_customer_id)
            self.display_name = f"SSO-config-{self.identity_provider}-{1 + configurations.count()}"[:255]
        super().save(*args, **kwargs)
