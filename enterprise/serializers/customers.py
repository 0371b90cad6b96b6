"""Wire format of customers (contract: enterprise-customers 4.1).

The functions build answers from facts: a serializer per row would cost more than the rest of the request. The
serializer classes of the same names describe them to the schema; a test holds both together.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from rest_framework import serializers

from config.api.fields import UtcDateTimeField
from enterprise.models import EnterpriseCustomer
from enterprise.models.customers import NON_PRODUCTION_CUSTOMER_TYPE

PRIMARY_COLOR, SECONDARY_COLOR, TERTIARY_COLOR = "#2D494E", "#F2F0EF", "#D23228"


def logo_url(logo: Any, request: Any) -> str | None:
    """The absolute address of a stored logo, else of the platform's (setting PLATFORM_LOGO_URL), if there is one."""
    address = default_storage.url(str(logo)) if logo else settings.PLATFORM_LOGO_URL
    return request.build_absolute_uri(address) if address else None


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
    body["enterprise_customer_catalogs"] = [str(uuid) for uuid in facts.catalogs]
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
        fields = (
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
