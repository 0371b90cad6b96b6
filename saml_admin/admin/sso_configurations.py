"""Sign-on configurations of customers, removed ones too."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from config.db.admin import HistoryAdmin
from enterprise.models import EnterpriseCustomerSsoConfiguration


@admin.register(EnterpriseCustomerSsoConfiguration)
class SsoConfigurationAdmin(HistoryAdmin):
    list_display = (
        "display_name", "enterprise_customer", "identity_provider", "active", "submitted_at", "configured_at",
        "validated_at", "errored_at", "is_removed",
    )  # fmt: skip
    list_filter = ("active", "is_removed")
    search_lookups = ("uuid", "display_name", "entity_id", "enterprise_customer__slug")
    secret_fields = ("sapsf_private_key",)
    readonly_fields = ("submitted_at", "configured_at", "validated_at", "errored_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EnterpriseCustomerSsoConfiguration]:
        return EnterpriseCustomerSsoConfiguration.all_objects.order_by("-created")
