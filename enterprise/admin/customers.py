"""Customers with their branding and identity providers, and the texts of their mails."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin, ConsoleInline, HistoryAdmin
from enterprise.models import (
    EnrollmentNotificationEmailTemplate,
    EnterpriseCustomer,
    EnterpriseCustomerBrandingConfiguration,
    EnterpriseCustomerIdentityProvider,
    EnterpriseCustomerType,
)
from enterprise.services import customers


class BrandingInline(ConsoleInline):
    model = EnterpriseCustomerBrandingConfiguration
    fields = ("primary_color", "secondary_color", "tertiary_color")
    max_num = 1
    show_change_link = False


class IdentityProviderInline(ConsoleInline):
    model = EnterpriseCustomerIdentityProvider
    show_change_link = False


@admin.register(EnterpriseCustomer)
class EnterpriseCustomerAdmin(HistoryAdmin):
    list_display = ("name", "slug", "uuid", "active", "customer_type", "created")
    list_filter = ("active", "customer_type")
    select_fields = ("site", "customer_type")
    search_lookups = ("name__istartswith", "slug", "uuid", "auth_org_id")
    readonly_fields = ("uuid", "created", "modified")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (BrandingInline, IdentityProviderInline)

    def save_model(self, request: HttpRequest, obj: EnterpriseCustomer, form: Any, change: bool) -> None:
        customers.save(obj)


admin.site.register(EnterpriseCustomerType, ConsoleAdmin)


@admin.register(EnrollmentNotificationEmailTemplate)
class EnrollmentNotificationEmailTemplateAdmin(ConsoleAdmin):
    list_display = ("template_type", "enterprise_customer", "subject_line", "modified")
    list_filter = ("template_type",)
    search_lookups = ("enterprise_customer__slug",)
