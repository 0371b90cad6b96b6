"""SAML configurations and providers in versions, and what metadata said."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin
from saml_admin.models import SAMLConfiguration, SAMLProviderConfig, SAMLProviderData
from saml_admin.services import providers


class VersionsAdmin(ConsoleAdmin):
    """Shows current versions; saving one makes a newer version, and nothing is deleted."""

    model: Any

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.model.objects.current().order_by("-pk")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SAMLConfiguration)
class SAMLConfigurationAdmin(VersionsAdmin):
    list_display = ("slug", "site", "enabled", "is_public", "entity_id", "change_date")
    list_filter = ("enabled", "is_public")
    secret_fields = ("private_key", "other_config_str")
    search_lookups = ("slug", "entity_id")

    def save_model(self, request: HttpRequest, obj: SAMLConfiguration, form: Any, change: bool) -> None:
        providers.save_configuration(obj, request.user)  # type: ignore[arg-type]


@admin.register(SAMLProviderConfig)
class SAMLProviderConfigAdmin(VersionsAdmin):
    list_display = ("slug", "name", "enabled", "archived", "entity_id", "was_valid_at", "change_date")
    list_filter = ("enabled", "archived", "identity_provider_type")
    search_lookups = ("slug", "name", "entity_id")
    readonly_fields = ("archived", "was_valid_at")
    secret_fields = ("other_settings",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "slug") if obj is not None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: SAMLProviderConfig, form: Any, change: bool) -> None:
        providers.save_version(obj, request.user)  # type: ignore[arg-type]


@admin.register(SAMLProviderData)
class SAMLProviderDataAdmin(ConsoleAdmin):
    list_display = ("entity_id", "sso_url", "fetched_at", "expires_at")
    ordering = ("-fetched_at", "-id")
    search_lookups = ("entity_id",)
