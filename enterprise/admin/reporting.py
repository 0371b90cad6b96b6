"""Reporting configurations. Passwords can be set and replaced here, and seen by nobody."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from config.db.admin import ConsoleAdmin
from enterprise.models import EnterpriseCustomerReportingConfiguration
from enterprise.models.reporting import SECRETS, validate_emails
from enterprise.services.reporting import check_completeness


class EmailLinesField(forms.CharField):
    """A list of addresses, one in a line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else (super().to_python(value) or "").split()

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))

    def validate(self, value: Any) -> None:
        validate_emails(value)


class ReportingConfigurationForm(forms.ModelForm):
    """Passwords are written and never shown; a configuration that could not work is refused."""

    email = EmailLinesField(required=False, help_text="Addresses, one in a line.")

    class Meta:
        model = EnterpriseCustomerReportingConfiguration
        fields = (
            "uuid", "enterprise_customer", "active", "data_type", "report_type", "enterprise_customer_catalogs",
            "frequency", "day_of_month", "day_of_week", "hour_of_day", "include_date", "enable_compression",
            "delivery_method", "email", "decrypted_password", "pgp_encryption_key", "sftp_hostname", "sftp_port",
            "sftp_username", "decrypted_sftp_password", "sftp_file_path",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SECRETS:
            if name not in self.fields:  # a page for looking only
                continue
            self.initial.pop(name, None)
            widget = UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"})
            self.fields[name].widget = widget
            is_set = bool(getattr(self.instance, name, None))
            self.fields[name].help_text = "There is one; leave this empty to keep it." if is_set else "There is none."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in SECRETS:
            cleaned[name] = cleaned.get(name) or getattr(self.instance, name, None)
        try:
            check_completeness(
                cleaned,
                has_password=bool(cleaned["decrypted_password"]),
                has_sftp_password=bool(cleaned["decrypted_sftp_password"]),
            )
        except ValidationError as problem:
            self.add_error(None, problem)
        return cleaned


@admin.register(EnterpriseCustomerReportingConfiguration)
class EnterpriseCustomerReportingConfigurationAdmin(ConsoleAdmin):
    form = ReportingConfigurationForm
    list_display = ("uuid", "enterprise_customer", "active", "data_type", "delivery_method", "frequency", "created")
    list_filter = ("active", "data_type", "delivery_method", "frequency")
    secret_fields = tuple(SECRETS)
    search_lookups = ("uuid", "enterprise_customer__slug")
