"""Customers with their branding and identity providers, and the texts of their mails."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from config.db.admin import ConsoleAdmin, ConsoleInline, HistoryAdmin
from config.db.cascade import count_dependants
from enterprise.admin.manage_learners import ManageLearnersView
from enterprise.models import (
    EnrollmentNotificationEmailTemplate,
    EnterpriseCustomer,
    EnterpriseCustomerBrandingConfiguration,
    EnterpriseCustomerCatalog,
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


class CatalogInline(ConsoleInline):
    """The customer's catalogs, to look at: each has a page of its own."""

    model = EnterpriseCustomerCatalog
    fields = ("title", "enterprise_catalog_query", "uuid", "modified")
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[EnterpriseCustomerCatalog]:
        return super().get_queryset(request).select_related("enterprise_catalog_query")


@admin.register(EnterpriseCustomer)
class EnterpriseCustomerAdmin(HistoryAdmin):
    list_display = ("name", "slug", "uuid", "active", "customer_type", "created", "learners_link")
    list_filter = ("active", "customer_type")
    select_fields = ("site", "customer_type")
    search_lookups = ("name__istartswith", "slug", "uuid", "auth_org_id")
    readonly_fields = ("uuid", "created", "modified", "learners_link")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (BrandingInline, IdentityProviderInline, CatalogInline)

    def get_urls(self) -> list[URLPattern]:
        learners = self.admin_site.admin_view(ManageLearnersView.as_view(model_admin=self))
        own = path("<uuid:uuid>/learners/", learners, name="enterprise_enterprisecustomer_learners")
        return [own, *super().get_urls()]

    @admin.display(description="learners")
    def learners_link(self, customer: EnterpriseCustomer) -> str:
        if customer.pk is None:  # the page that adds a customer
            return "-"
        address = reverse("admin:enterprise_enterprisecustomer_learners", args=[customer.pk])
        return format_html('<a href="{}">manage learners</a>', address)

    def save_model(self, request: HttpRequest, obj: EnterpriseCustomer, form: Any, change: bool) -> None:
        customers.save(obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What would go, in numbers: a list of all learners and enrollments would be as long as they are many."""
        numbers = count_dependants(EnterpriseCustomer, [customer.pk for customer in objs])
        named = {str(model._meta.verbose_name_plural): number for model, number in numbers.items()}
        return [str(customer) for customer in objs], named, set(), []

    def delete_model(self, request: HttpRequest, obj: EnterpriseCustomer) -> None:
        customers.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[EnterpriseCustomer]) -> None:
        for customer in queryset:
            customers.delete(customer)


admin.site.register(EnterpriseCustomerType, ConsoleAdmin)


@admin.register(EnrollmentNotificationEmailTemplate)
class EnrollmentNotificationEmailTemplateAdmin(ConsoleAdmin):
    list_display = ("template_type", "enterprise_customer", "subject_line", "modified")
    list_filter = ("template_type",)
    search_lookups = ("enterprise_customer__slug",)
