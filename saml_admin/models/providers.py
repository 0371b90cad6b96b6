"""SAML providers in versions, and what their metadata said (contract: enterprise-admins-groups-sso, Data model).

Rows of the two configurations are versions: a change adds a row, and of those with the same key the newest counts.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models
from django.db.models import F, Max
from django.utils import timezone

from enrollments.models import Organization
from enterprise.models.customers import own_site_id


class VersionManager(models.Manager[Any]):
    """Rows that are versions of things.

    Args:
        key: the columns that name a thing.
    """

    def __init__(self, *key: str) -> None:
        super().__init__()
        self._key = key

    def current(self) -> models.QuerySet[Any]:
        """The newest version of each thing."""
        newest = self.model._base_manager.order_by().values(*self._key).annotate(newest=Max("pk"))
        return self.get_queryset().filter(pk__in=newest.values("newest"))


class SAMLConfiguration(models.Model):
    """How the service presents itself to identity providers, in versions by site and slug."""

    change_date = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True, editable=False
    )
    enabled = models.BooleanField(default=False)
    site = models.ForeignKey(Site, models.CASCADE, related_name="saml_configurations", default=own_site_id)
    slug = models.SlugField(max_length=30, default="default")
    private_key = models.TextField(blank=True, default="")
    public_key = models.TextField(blank=True, default="")
    entity_id = models.CharField(max_length=255, default="http://saml.example.com")
    org_info_str = models.TextField("organization info", blank=True, default="")
    other_config_str = models.TextField("other settings", blank=True, default="", help_text="A JSON object.")
    is_public = models.BooleanField(default=False)

    objects: ClassVar[VersionManager] = VersionManager("site", "slug")

    class Meta:
        verbose_name = "SAML configuration"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.slug} ({self.pk})"


class SAMLProviderConfig(models.Model):
    """An identity provider, in versions by slug. Archiving alone changes a row in place."""

    class ProviderType(models.TextChoices):
        STANDARD = "standard_saml_provider"
        SAP = "sap_success_factors"

    change_date = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True, editable=False
    )
    enabled = models.BooleanField(default=False)
    slug = models.SlugField(max_length=30, default="default")
    name = models.CharField(max_length=50, blank=True, default="")
    display_name = models.CharField(max_length=35, blank=True, default="")
    icon_class = models.CharField(max_length=50, blank=True, default="fa-sign-in")
    icon_image = models.FileField(upload_to="saml/icons/", blank=True, default="")
    secondary = models.BooleanField(default=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="saml_providers", null=True, blank=True)
    site = models.ForeignKey(Site, models.CASCADE, related_name="saml_providers", default=own_site_id)
    backend_name = models.CharField(max_length=50, default="tpa-saml")
    entity_id = models.CharField(max_length=255, blank=True, default="")
    metadata_source = models.CharField(max_length=255, blank=True, default="")
    attr_user_permanent_id = models.CharField(max_length=128, blank=True, default="")
    attr_full_name = models.CharField(max_length=128, blank=True, default="")
    attr_first_name = models.CharField(max_length=128, blank=True, default="")
    attr_last_name = models.CharField(max_length=128, blank=True, default="")
    attr_username = models.CharField(max_length=128, blank=True, default="")
    attr_email = models.CharField(max_length=128, blank=True, default="")
    default_full_name = models.CharField(max_length=255, blank=True, default="")
    default_first_name = models.CharField(max_length=255, blank=True, default="")
    default_last_name = models.CharField(max_length=255, blank=True, default="")
    default_username = models.CharField(max_length=255, blank=True, default="")
    default_email = models.CharField(max_length=255, blank=True, default="")
    country = models.CharField(max_length=128, blank=True, default="")
    automatic_refresh_enabled = models.BooleanField(default=True)
    identity_provider_type = models.CharField(
        max_length=128, choices=ProviderType.choices, default=ProviderType.STANDARD
    )
    debug_mode = models.BooleanField(default=False)
    skip_hinted_login_dialog = models.BooleanField(default=True)
    skip_registration_form = models.BooleanField(default=True)
    skip_email_verification = models.BooleanField(default=True)
    send_to_registration_first = models.BooleanField(default=True)
    send_welcome_email = models.BooleanField(default=False)
    visible = models.BooleanField(default=False)
    max_session_length = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds.")
    sync_learner_profile_data = models.BooleanField(default=False)
    enable_sso_id_verification = models.BooleanField(default=False)
    disable_for_enterprise_sso = models.BooleanField(default=False)
    was_valid_at = models.DateTimeField(null=True, blank=True)
    other_settings = models.TextField(blank=True, default="", help_text="A JSON object.")
    archived = models.BooleanField(default=False)
    saml_configuration = models.ForeignKey(
        SAMLConfiguration, models.SET_NULL, related_name="providers", null=True, blank=True
    )

    objects: ClassVar[VersionManager] = VersionManager("slug")

    class Meta:
        verbose_name = "SAML provider"
        ordering = ["-id"]
        indexes = [models.Index(fields=["slug", "id"], name="saml_provider_version")]

    def __str__(self) -> str:
        return self.name or self.slug

    @property
    def provider_id(self) -> str:
        """What customers' links call the provider."""
        return f"saml-{self.slug}"


class SAMLProviderDataManager(models.Manager["SAMLProviderData"]):
    def valid(self) -> models.QuerySet[SAMLProviderData]:
        """Complete rows that have not expired."""
        rows = self.exclude(entity_id="").exclude(sso_url="").exclude(public_key="")
        return rows.exclude(expires_at__lte=timezone.now())


class SAMLProviderData(models.Model):
    """What metadata said of an entity, a row for each of its signing certificates."""

    fetched_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)
    entity_id = models.CharField(max_length=255, db_index=True)
    sso_url = models.URLField("SSO URL", max_length=200)
    public_key = models.TextField()

    objects: ClassVar[SAMLProviderDataManager] = SAMLProviderDataManager()

    class Meta:
        verbose_name = verbose_name_plural = "SAML provider data"
        ordering = [F("fetched_at").desc(), F("id").desc()]

    def __str__(self) -> str:
        return self.entity_id
