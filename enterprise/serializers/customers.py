"""Wire format of customers (contract: enterprise-customers 4.1).

The functions build answers from facts: a serializer per row would cost more than the rest of the request. The
serializer classes of the same names describe them to the schema; a test holds both together.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sites.models import Site
from django.core.files.storage import default_storage
from django.db import models
from django_countries import countries
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.utils import html
from rest_framework.validators import UniqueValidator

from config.api.fields import FormBooleanField, UtcDateTimeField
from enterprise.models import EnterpriseCustomer
from enterprise.models.customers import NON_PRODUCTION_CUSTOMER_TYPE

SLUG_TAKEN = "Enterprise Customer with this slug already exists."
PRIMARY_COLOR, SECONDARY_COLOR, TERTIARY_COLOR = "#2D494E", "#F2F0EF", "#D23228"


def logo_url(logo: Any, request: Any) -> str | None:
    """The absolute address of a stored logo, else of the platform's (setting PLATFORM_LOGO_URL), if there is one."""
    address = default_storage.url(str(logo)) if logo else settings.PLATFORM_LOGO_URL
    # Django's own request: going through that of the API costs as much again.
    return getattr(request, "_request", request).build_absolute_uri(address) if address else None


def branding_body(
    uuid: UUID,
    slug: str,
    logo: Any,
    primary_color: str | None,
    secondary_color: str | None,
    tertiary_color: str | None,
    request: Any,
) -> dict[str, Any]:
    """Logo and colours of a customer; empty ones are the platform's."""
    return {
        "enterprise_customer": str(uuid),
        "enterprise_slug": slug,
        "logo": logo_url(logo, request),
        "primary_color": primary_color or PRIMARY_COLOR,
        "secondary_color": secondary_color or SECONDARY_COLOR,
        "tertiary_color": tertiary_color or TERTIARY_COLOR,
    }


def customer_body(facts: Any, request: Any) -> dict[str, Any]:
    """A customer.

    Args:
        facts: as `queries.customers.customer_facts` gives them.
        request: by which addresses become absolute.
    """
    body: dict[str, Any] = facts.shown()
    body["uuid"] = str(facts.uuid)
    body["country"] = body["country"] or None
    body["site"] = {"domain": facts["site__domain"], "name": facts["site__name"]}
    body["branding_configuration"] = branding_body(
        facts.uuid,
        body["slug"],
        facts["branding_configuration__logo"],
        facts["branding_configuration__primary_color"],
        facts["branding_configuration__secondary_color"],
        facts["branding_configuration__tertiary_color"],
        request,
    )
    body["identity_provider"] = facts.identity_provider
    body["identity_providers"] = [
        {"provider_id": provider, "default_provider": default} for provider, default, _ in facts.identity_providers
    ]
    body["sync_learner_profile_data"] = facts.sync_learner_profile_data
    body["enterprise_customer_catalogs"] = facts.catalogs
    body["enterprise_notification_banner"] = _banner(facts.notification)
    body["admin_users"] = [{"email": email, "lms_user_id": user_id} for email, user_id in facts.admin_users]
    body["active_integrations"] = []  # the service has no integration channels
    body["show_non_production_banner"] = facts["customer_type__name"] == NON_PRODUCTION_CUSTOMER_TYPE
    return body


def _banner(notification: Any) -> dict[str, Any]:
    if notification is None:
        return {"title": "", "text": ""}
    number, title, text = notification
    return {"id": number, "title": title, "text": text}


def support_customer_body(facts: Any, sso_configurations: list[Any], request: Any) -> dict[str, Any]:
    """A customer as the support tool shows it.

    Args:
        sso_configurations: as `queries.customers.active_sso_configurations` gives them.
    """
    body = customer_body(facts, request)
    body["active_sso_configurations"] = [
        {"created": created, "modified": modified, "active": True, "display_name": name}
        for created, modified, name in sso_configurations
    ]
    body["created"] = facts["created"]
    return body


# --- For the schema -------------------------------------------------------------------------------------------------


class SiteSerializer(serializers.Serializer[Any]):
    domain = serializers.CharField()
    name = serializers.CharField(read_only=True)


class BrandingConfigurationSerializer(serializers.Serializer[Any]):
    enterprise_customer = serializers.UUIDField()
    enterprise_slug = serializers.CharField()
    logo = serializers.URLField(allow_null=True)
    primary_color = serializers.CharField()
    secondary_color = serializers.CharField()
    tertiary_color = serializers.CharField()


class IdentityProviderSerializer(serializers.Serializer[Any]):
    provider_id = serializers.CharField()
    default_provider = serializers.BooleanField()


class AdminUserSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    lms_user_id = serializers.IntegerField()


class NotificationBannerSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(required=False, help_text="Only when there is a notification.")
    title = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True, help_text="Markdown.")


class ActiveIntegrationSerializer(serializers.Serializer[Any]):
    channel_code = serializers.CharField()
    created = UtcDateTimeField()
    modified = UtcDateTimeField()
    display_name = serializers.CharField()
    active = serializers.BooleanField()


class CustomerSerializer(serializers.ModelSerializer[EnterpriseCustomer]):
    """A customer, as `customer_body` builds it."""

    country = serializers.CharField(allow_null=True, help_text="ISO 3166-1 alpha-2.")
    site = SiteSerializer()
    branding_configuration = BrandingConfigurationSerializer()
    identity_provider = serializers.CharField(allow_null=True, help_text="The oldest one.")
    identity_providers = IdentityProviderSerializer(many=True)
    sync_learner_profile_data = serializers.BooleanField()
    enterprise_customer_catalogs = serializers.ListField(child=serializers.UUIDField())
    enterprise_notification_banner = NotificationBannerSerializer()
    admin_users = AdminUserSerializer(many=True)
    active_integrations = ActiveIntegrationSerializer(many=True)
    show_non_production_banner = serializers.BooleanField()
    modified = UtcDateTimeField()

    class Meta:
        model = EnterpriseCustomer
        fields: tuple[str, ...] = (
            "uuid", "name", "slug", "active", "auth_org_id", "site", "enable_data_sharing_consent",
            "enforce_data_sharing_consent", "branding_configuration", "disable_expiry_messaging_for_learner_credit",
            "identity_provider", "enable_audit_enrollment", "replace_sensitive_sso_username",
            "enable_portal_code_management_screen", "sync_learner_profile_data", "enable_audit_data_reporting",
            "enable_learner_portal", "enable_learner_portal_offers", "enable_portal_learner_credit_management_screen",
            "enable_executive_education_2U_fulfillment", "enable_portal_reporting_config_screen",
            "enable_portal_saml_configuration_screen", "contact_email",
            "enable_portal_subscription_management_screen", "hide_course_original_price", "enable_analytics_screen",
            "enable_people_management", "enable_integrated_customer_learner_portal_search",
            "enable_generation_of_api_credentials", "enable_portal_lms_configurations_screen", "sender_alias",
            "identity_providers", "enterprise_customer_catalogs", "reply_to", "enterprise_notification_banner",
            "hide_labor_market_data", "modified", "enable_universal_link", "enable_browse_and_request", "admin_users",
            "enable_learner_portal_sidebar_message", "learner_portal_sidebar_content", "enable_pathways",
            "enable_credit_and_industry_pathways", "enable_programs", "enable_demo_data_for_analytics_and_lpr",
            "enable_academies", "enable_one_academy", "active_integrations",
            "show_videos_in_learner_portal_search_results", "default_language", "country", "enable_slug_login",
            "enable_learner_credit_message_box", "show_non_production_banner",
        )  # fmt: skip
        read_only_fields = fields


class ActiveSsoConfigurationSerializer(serializers.Serializer[Any]):
    created = UtcDateTimeField()
    modified = UtcDateTimeField()
    active = serializers.BooleanField()
    display_name = serializers.CharField(allow_null=True)


class SupportCustomerSerializer(CustomerSerializer):
    """A customer, as `support_customer_body` builds it."""

    active_sso_configurations = ActiveSsoConfigurationSerializer(many=True)
    created = UtcDateTimeField()

    class Meta(CustomerSerializer.Meta):
        fields: tuple[str, ...] = (*CustomerSerializer.Meta.fields, "active_sso_configurations", "created")
        read_only_fields = fields


class CustomerNameSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


# --- What callers send ------------------------------------------------------------------------------------------------


@extend_schema_field(SiteSerializer)
class SiteField(serializers.RelatedField[Any, Any, Any]):
    """A site by its domain: `{"domain": "..."}`, in a form `site.domain`. Its errors are texts, not lists."""

    NO_DOMAIN = "This field is required."
    NO_SITE = "No Site with the provided domain was found."

    def get_value(self, dictionary: Any) -> Any:
        if not html.is_html_input(dictionary):
            return dictionary.get(self.field_name, empty)
        name = str(self.field_name)
        return html.parse_html_dict(dictionary, prefix=name) or dictionary.get(name, empty)

    def run_validation(self, data: Any = empty) -> Any:
        # Other related fields take an empty text for null; here it is no object, as any text.
        return super(serializers.RelatedField, self).run_validation(data)

    def to_internal_value(self, data: Any) -> Site:
        domain = data.get("domain") if isinstance(data, dict) else None
        if domain is None or domain == "":
            raise serializers.ValidationError({"domain": self.NO_DOMAIN})
        sites: Any = self.get_queryset()
        site: Site | None = sites.filter(domain=domain).first() if isinstance(domain, str) else None
        if site is None:
            raise serializers.ValidationError({"domain": self.NO_SITE})
        return site

    def to_representation(self, value: Any) -> dict[str, str]:
        return {"domain": value.domain, "name": value.name}


class CustomerWriteSerializer(serializers.ModelSerializer[EnterpriseCustomer]):
    """The fields of a customer that callers may set; all others are ignored."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.BooleanField: FormBooleanField,
    }

    slug = serializers.SlugField(
        max_length=30,
        required=False,
        validators=[UniqueValidator(EnterpriseCustomer.all_objects.all(), message=SLUG_TAKEN)],
    )
    site = SiteField(queryset=Site.objects.order_by("pk"))
    country = serializers.ChoiceField(choices=list(countries), required=False, allow_null=True, allow_blank=True)

    class Meta:
        model = EnterpriseCustomer
        fields = tuple(
            name
            for name in CustomerSerializer.Meta.fields
            if name not in ("uuid", "modified")
            and name in {field.name for field in EnterpriseCustomer._meta.concrete_fields}
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("country", "default_language"):
            if attrs.get(name) == "":
                attrs[name] = None
        if self.instance is None and "slug" not in attrs:
            attrs["slug"] = self._default_slug()
        return attrs

    def _default_slug(self) -> Any:
        try:
            return self.fields["slug"].run_validation(EnterpriseCustomer._meta.get_field("slug").default)
        except serializers.ValidationError as problem:
            raise serializers.ValidationError({"slug": problem.detail}) from problem


class UniversalLinkSerializer(serializers.Serializer[Any]):
    enable_universal_link = FormBooleanField()
    expiration_date = UtcDateTimeField(required=False, allow_null=True, help_text="Checked, and not used.")


class UniversalLinkResultSerializer(serializers.Serializer[Any]):
    """What is now, or that nothing was to be changed."""

    enable_universal_link = serializers.BooleanField(required=False)
    detail = serializers.CharField(required=False)


class UnlinkUsersSerializer(serializers.Serializer[Any]):
    user_emails = serializers.ListField(child=serializers.EmailField(), allow_empty=False)
    is_relinkable = FormBooleanField(default=False, help_text="False: for good.")
