"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path

from saml_admin.views import (
    metadata,
    provider_config,
    provider_data,
    saml_configuration,
    sso_configurations,
    sso_users,
)

SAML = "auth/saml/v0"
ENTERPRISE = "enterprise/api/v1"
SSO = f"{ENTERPRISE}/enterprise_customer_sso_configuration"

urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/saml/metadata.xml", metadata.service_provider_metadata, name="saml-metadata"),
    path(
        f"{SAML}/provider_config/",
        provider_config.ProviderConfigListView.as_view(),
        name="enterprise-saml-provider-config-list",
    ),
    path(
        f"{SAML}/provider_config/<str:pk>/",
        provider_config.ProviderConfigView.as_view(),
        name="enterprise-saml-provider-config-detail",
    ),
    path(
        f"{SAML}/provider_data/",
        provider_data.ProviderDataListView.as_view(),
        name="enterprise-saml-provider-data-list",
    ),
    re_path(
        rf"^{SAML}/provider_data/sync_provider_data/?$",
        provider_data.SyncProviderDataView.as_view(),
        name="enterprise-saml-provider-data-sync-provider-data",
    ),
    path(
        f"{SAML}/provider_data/<str:pk>/",
        provider_data.ProviderDataView.as_view(),
        name="enterprise-saml-provider-data-detail",
    ),
    path(
        f"{SAML}/saml_configuration/",
        saml_configuration.SAMLConfigurationListView.as_view(),
        name="saml-configuration-list",
    ),
    re_path(
        rf"^{SSO}/?$",
        sso_configurations.SsoConfigurationListView.as_view(),
        name="enterprise-customer-sso-configuration-base",
    ),
    re_path(
        rf"^{SSO}/(?P<uuid>[^/]+)/?$",
        sso_configurations.SsoConfigurationView.as_view(),
        name="enterprise-customer-sso-configuration",
    ),
    re_path(
        rf"^{SSO}/(?P<uuid>[^/]+)/sso_orchestration_complete/?$",
        sso_configurations.OrchestrationCompleteView.as_view(),
        name="enterprise-customer-sso-configuration-orchestration-complete",
    ),
    path(
        f"{ENTERPRISE}/enterprise-sso-user-info/user_details/",
        sso_users.SsoUserDetailsView.as_view(),
        name="enterprise-sso-user-info-user-details",
    ),
]
