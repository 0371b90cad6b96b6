"""Catalogs, catalog queries and default enrollment intentions."""

from __future__ import annotations

from django.contrib import admin

from config.db.admin import ConsoleAdmin, HistoryAdmin
from enterprise.models import DefaultEnterpriseEnrollmentIntention, EnterpriseCatalogQuery, EnterpriseCustomerCatalog


@admin.register(EnterpriseCatalogQuery)
class EnterpriseCatalogQueryAdmin(ConsoleAdmin):
    list_display = ("id", "title", "uuid", "modified")
    search_lookups = ("id", "uuid", "title__istartswith")


@admin.register(EnterpriseCustomerCatalog)
class EnterpriseCustomerCatalogAdmin(HistoryAdmin):
    list_display = ("title", "enterprise_customer", "enterprise_catalog_query", "uuid", "modified")
    search_lookups = ("uuid", "enterprise_customer__slug")


@admin.register(DefaultEnterpriseEnrollmentIntention)
class DefaultEnterpriseEnrollmentIntentionAdmin(HistoryAdmin):
    list_display = ("content_key", "content_type", "enterprise_customer", "is_removed", "created")
    list_filter = ("is_removed", "content_type")
    search_lookups = ("content_key", "enterprise_customer__slug", "uuid")
    readonly_fields = ("content_type",)
