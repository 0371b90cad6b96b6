"""Catalogs, catalog queries and default enrollment intentions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget

from config.db.admin import ConsoleAdmin, HistoryAdmin
from enterprise.admin.content_filters import ContentFilterField
from enterprise.models import DefaultEnterpriseEnrollmentIntention, EnterpriseCatalogQuery, EnterpriseCustomerCatalog
from enterprise.queries.catalogs import twin_of
from enterprise.services import catalogs, default_intentions


class CatalogQueryForm(forms.ModelForm):
    """An edited query must not become a copy of another one."""

    def clean_content_filter(self) -> Any:
        content_filter = self.cleaned_data["content_filter"]
        twin = twin_of(self.instance, content_filter) if self.instance.pk else None
        if twin is not None:
            raise ValidationError(f"Duplicate value, see {twin.uuid}({twin.title})")
        return content_filter


class FilterAdmin(ConsoleAdmin):
    """An admin of a model with a content filter."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "content_filter":
            widget = UnfoldAdminTextareaWidget(attrs={"rows": 14, "spellcheck": "false", "class": "font-mono"})
            return db_field.formfield(form_class=ContentFilterField, widget=widget)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(EnterpriseCatalogQuery)
class EnterpriseCatalogQueryAdmin(FilterAdmin):
    form = CatalogQueryForm
    list_display = ("id", "title", "uuid", "include_exec_ed_2u_courses", "modified")
    list_filter = ("include_exec_ed_2u_courses",)
    search_lookups = ("id", "uuid", "title__istartswith")
    readonly_fields = ("uuid", "created", "modified")

    def save_model(self, request: HttpRequest, obj: EnterpriseCatalogQuery, form: Any, change: bool) -> None:
        catalogs.save_query(obj)


class CatalogForm(forms.ModelForm):
    """The modes of a catalog are a list of slugs."""

    def clean_enabled_course_modes(self) -> Any:
        modes = self.cleaned_data["enabled_course_modes"]
        if not isinstance(modes, list) or not all(isinstance(mode, str) for mode in modes):
            raise ValidationError("Enter a list of course modes, best first.")
        return modes


@admin.register(EnterpriseCustomerCatalog)
class EnterpriseCustomerCatalogAdmin(HistoryAdmin, FilterAdmin):
    """A catalog with a query shows the query's filter: what is typed in there is replaced by it."""

    form = CatalogForm
    list_display = ("title", "enterprise_customer", "enterprise_catalog_query", "uuid", "modified")
    search_lookups = ("uuid", "enterprise_customer__slug")
    readonly_fields = ("uuid", "created", "modified")

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
