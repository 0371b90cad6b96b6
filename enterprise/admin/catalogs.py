"""Catalogs, catalog queries and default enrollment intentions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin, HistoryAdmin
from enterprise.models import DefaultEnterpriseEnrollmentIntention, EnterpriseCatalogQuery, EnterpriseCustomerCatalog
from enterprise.services import catalogs, default_intentions


@admin.register(EnterpriseCatalogQuery)
class EnterpriseCatalogQueryAdmin(ConsoleAdmin):
    list_display = ("id", "title", "uuid", "modified")
    search_lookups = ("id", "uuid", "title__istartswith")

    def save_model(self, request: HttpRequest, obj: EnterpriseCatalogQuery, form: Any, change: bool) -> None:
        catalogs.save_query(obj)


@admin.register(EnterpriseCustomerCatalog)
class EnterpriseCustomerCatalogAdmin(HistoryAdmin):
    list_display = ("title", "enterprise_customer", "enterprise_catalog_query", "uuid", "modified")
    search_lookups = ("uuid", "enterprise_customer__slug")

    def save_model(self, request: HttpRequest, obj: EnterpriseCustomerCatalog, form: Any, change: bool) -> None:
        catalogs.save_catalog(obj)


class IntentionForm(forms.ModelForm):
    """Shows the service's refusals at their field, and has the content type derived."""

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and self.is_valid():
            try:
                default_intentions.validate(self.instance)
            except ValidationError as refusal:
                self.add_error(None, refusal)


@admin.register(DefaultEnterpriseEnrollmentIntention)
class DefaultEnterpriseEnrollmentIntentionAdmin(HistoryAdmin):
    form = IntentionForm
    list_display = ("content_key", "content_type", "enterprise_customer", "is_removed", "created")
    list_filter = ("is_removed", "content_type")
    search_lookups = ("content_key", "enterprise_customer__slug", "uuid")
    readonly_fields = ("content_type",)
