"""Enterprise customers and what belongs to each one (contract: enterprise-customers 2)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.sites.models import Site
from django.core.validators import RegexValidator
from django.db import models
from django_countries.fields import CountryField

from config.db.history import History
from config.db.models import TimeStampedModel

DEFAULT_CUSTOMER_TYPE = "Enterprise"
NON_PRODUCTION_CUSTOMER_TYPE = "Non-production"


def own_site_id() -> int:
    """The id of the service's own site (setting SITE_DOMAIN), made on demand."""
    site, _ = Site.objects.get_or_create(domain=settings.SITE_DOMAIN, defaults={"name": settings.SITE_NAME[:50]})
    return site.pk


def default_customer_type_id() -> int:
    """The id of the customer type `Enterprise`, made on demand."""
    kind = EnterpriseCustomerType.objects.filter(name=DEFAULT_CUSTOMER_TYPE).order_by("pk").first()
    return (kind or EnterpriseCustomerType.objects.create(name=DEFAULT_CUSTOMER_TYPE)).pk


class EnterpriseCustomerType(TimeStampedModel):
    """What kind of customer: `Enterprise`, or `Non-production` for trials."""

    name = models.CharField(max_length=25)

    class Meta:
        verbose_name = "customer type"

    def __str__(self) -> str:
        return self.name


class ActiveCustomerManager(models.Manager["EnterpriseCustomer"]):
    """Customers that are not soft-deleted: what the API shows."""

    def get_queryset(self) -> models.QuerySet[EnterpriseCustomer]:
        return super().get_queryset().filter(active=True)


class EnterpriseCustomer(TimeStampedModel):
    """A business whose learners this service enrolls. `active` false means soft-deleted for the API."""

    class Consent(models.TextChoices):
        AT_ENROLLMENT = "at_enrollment"
        EXTERNALLY_MANAGED = "externally_managed"

    LANGUAGES = [
        (code, code)
        for code in (
            "en", "es-419", "ar", "zh-cn", "fr-ca", "da", "de-de", "el", "he", "hi", "id", "it-it", "pt-br", "pt-pt",
            "ru", "es-es", "sw", "te", "th", "tr-tr", "uk",
        )
    ]  # fmt: skip

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=30, unique=True, default="default")
    auth_org_id = models.CharField(max_length=80, null=True, blank=True, db_index=True)
    active = models.BooleanField(default=True)
    country = CountryField(null=True, blank=True)
    site = models.ForeignKey(Site, models.CASCADE, related_name="enterprise_customers", default=own_site_id)
    customer_type = models.ForeignKey(
        EnterpriseCustomerType, models.PROTECT, default=default_customer_type_id, related_name="+"
    )

    enable_data_sharing_consent = models.BooleanField(default=True)
    enforce_data_sharing_consent = models.CharField(
        max_length=25, choices=Consent.choices, default=Consent.AT_ENROLLMENT
    )
    enable_audit_enrollment = models.BooleanField(default=False)
    enable_audit_data_reporting = models.BooleanField(default=False)
    replace_sensitive_sso_username = models.BooleanField(default=False)
    enable_autocohorting = models.BooleanField(default=False)
    hide_course_original_price = models.BooleanField(default=False)
    disable_expiry_messaging_for_learner_credit = models.BooleanField(default=False)
    enable_portal_code_management_screen = models.BooleanField(default=False)
    enable_portal_reporting_config_screen = models.BooleanField(default=False)
    enable_portal_subscription_management_screen = models.BooleanField(default=False)
    enable_portal_saml_configuration_screen = models.BooleanField(default=False)
    enable_portal_learner_credit_management_screen = models.BooleanField(default=False)
    enable_portal_lms_configurations_screen = models.BooleanField(default=False)
    enable_universal_link = models.BooleanField(default=False)
    enable_browse_and_request = models.BooleanField(default=False)
    enable_learner_portal = models.BooleanField(default=True)
    enable_learner_portal_offers = models.BooleanField(default=False)
    enable_learner_credit_message_box = models.BooleanField(default=True)
    hide_labor_market_data = models.BooleanField(default=False)
    enable_integrated_customer_learner_portal_search = models.BooleanField(default=True)
    enable_learner_portal_sidebar_message = models.BooleanField(default=False)
    learner_portal_sidebar_content = models.TextField(blank=True, default="")
    enable_pathways = models.BooleanField(default=True)
    enable_credit_and_industry_pathways = models.BooleanField(default=True)
    enable_programs = models.BooleanField(default=True)
    enable_academies = models.BooleanField(default=True)
    enable_one_academy = models.BooleanField(default=False)
    show_videos_in_learner_portal_search_results = models.BooleanField(default=False)
    enable_analytics_screen = models.BooleanField(default=True)
    enable_people_management = models.BooleanField(default=True)
    enable_slug_login = models.BooleanField(default=False)
    enable_executive_education_2U_fulfillment = models.BooleanField(default=False)
    enable_demo_data_for_analytics_and_lpr = models.BooleanField(default=False)
    enable_generation_of_api_credentials = models.BooleanField(default=False)
    contact_email = models.EmailField(null=True, blank=True)
    reply_to = models.EmailField(null=True, blank=True)
    sender_alias = models.CharField(max_length=255, null=True, blank=True)
    default_language = models.CharField(max_length=25, choices=LANGUAGES, null=True, blank=True)
    default_contract_discount = models.DecimalField(max_digits=8, decimal_places=5, null=True, blank=True)

    all_objects: ClassVar[models.Manager[EnterpriseCustomer]] = models.Manager()
    objects: ClassVar[ActiveCustomerManager] = ActiveCustomerManager()
    history = History()

    class Meta:
        ordering = ["created"]
        default_manager_name = "all_objects"
        indexes = [
            models.Index(fields=["created"], name="customer_created", condition=models.Q(active=True)),
            models.Index(fields=["name"], name="customer_name", condition=models.Q(active=True)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def implies_consent(self) -> bool:
        """Whether consent is given outside the service, so that an enrollment records it as granted."""
        return self.enable_data_sharing_consent and self.enforce_data_sharing_consent == self.Consent.EXTERNALLY_MANAGED


class EnterpriseCustomerBrandingConfiguration(TimeStampedModel):
    """Logo and colours of a customer."""

    COLOR = RegexValidator(r"^#[0-9A-Fa-f]{6}\Z", "Must be a valid hexadecimal color, e.g. #2D494E.")

    enterprise_customer = models.OneToOneField(
        EnterpriseCustomer, models.CASCADE, related_name="branding_configuration"
    )
    logo = models.FileField(max_length=255, null=True, blank=True)
    primary_color = models.CharField(max_length=7, null=True, blank=True, validators=[COLOR])
    secondary_color = models.CharField(max_length=7, null=True, blank=True, validators=[COLOR])
    tertiary_color = models.CharField(max_length=7, null=True, blank=True, validators=[COLOR])

    class Meta:
        verbose_name = "branding"
        ordering = ["created"]

    def __str__(self) -> str:
        return f"Branding of {self.enterprise_customer}"


class EnterpriseCustomerIdentityProvider(TimeStampedModel):
    """Links a customer with an identity provider, `saml-` and the provider's slug."""

    enterprise_customer = models.ForeignKey(EnterpriseCustomer, models.CASCADE, related_name="identity_providers")
    provider_id = models.SlugField(max_length=50, unique=True)
    default_provider = models.BooleanField(default=False)
    sync_learner_profile_data = models.BooleanField(
        default=False, editable=False, help_text="A copy of the provider's own flag."
    )

    class Meta:
        verbose_name = "identity provider"
        ordering = ["created"]

    def __str__(self) -> str:
        return self.provider_id
