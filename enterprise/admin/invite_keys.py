"""Invite keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from config.db.admin import HistoryAdmin
from enterprise.admin.learners import AllRowsMixin
from enterprise.models import EnterpriseCustomerInviteKey
from enterprise.services import invite_keys

FIELDS = ("enterprise_customer", "usage_limit", "expiration_date", "is_active", "is_removed")


class InviteKeyForm(forms.ModelForm):
    """Holds to the two rules of keys: a hundred per customer, and no way back from inactive."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        new = self.instance._state.adding
        if not new and cleaned.get("is_active") and not self.initial.get("is_active"):
            self.add_error("is_active", invite_keys.NO_WAY_BACK)
        comes_in = not cleaned.get("is_removed") and (new or self.initial.get("is_removed"))
        customer = cleaned.get("enterprise_customer", getattr(self.instance, "enterprise_customer", None))
        if comes_in and customer and not invite_keys.has_room(customer):
            self.add_error(None, invite_keys.TOO_MANY)
        return cleaned


@admin.register(EnterpriseCustomerInviteKey)
class EnterpriseCustomerInviteKeyAdmin(AllRowsMixin, HistoryAdmin):
    form = InviteKeyForm
    fields = FIELDS
    list_display = ("uuid", *FIELDS)
    list_filter = ("is_active", "is_removed")
    ordering = ("-created",)
    search_lookups = ("uuid", "enterprise_customer__slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("enterprise_customer",) if obj else ()

    def save_model(self, request: HttpRequest, obj: EnterpriseCustomerInviteKey, form: Any, change: bool) -> None:
        if change:
            obj.save()
        else:
            values = {name: getattr(obj, name) for name in FIELDS if name != "enterprise_customer"}
            invite_keys.create(obj.enterprise_customer, uuid=obj.pk, **values)
