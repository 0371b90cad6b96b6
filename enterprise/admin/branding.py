"""Logos and colours of customers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin
from enterprise.models import EnterpriseCustomerBrandingConfiguration
from enterprise.services import branding, logos


class BrandingForm(forms.ModelForm):
    """Takes the logos that the API takes."""

    def clean_logo(self) -> Any:
        logo = self.cleaned_data.get("logo")
        if isinstance(logo, UploadedFile):
            try:
                logos.content_of(logo)
            except logos.Unacceptable as problem:
                raise forms.ValidationError(str(problem)) from problem
            logo.seek(0)
        return logo


@admin.register(EnterpriseCustomerBrandingConfiguration)
class EnterpriseCustomerBrandingConfigurationAdmin(ConsoleAdmin):
    form = BrandingForm
    list_display = ("enterprise_customer", "primary_color", "secondary_color", "tertiary_color", "modified")
    fields = ("enterprise_customer", "logo", "primary_color", "secondary_color", "tertiary_color")
    ordering = ("-id",)
    search_lookups = ("enterprise_customer__slug", "enterprise_customer__uuid")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("enterprise_customer",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: EnterpriseCustomerBrandingConfiguration, form: Any, change: bool
    ) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in branding.COLORS}
        if "logo" in form.changed_data:
            fields["logo"] = form.cleaned_data["logo"] or None
        obj.pk = branding.update(obj.enterprise_customer, fields).pk

    def delete_model(self, request: HttpRequest, obj: EnterpriseCustomerBrandingConfiguration) -> None:
        branding.delete(obj)

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[EnterpriseCustomerBrandingConfiguration]
    ) -> None:
        for row in queryset:
            branding.delete(row)
