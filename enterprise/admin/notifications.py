"""Notifications for the admins of customers, and the attributes that choose the customers."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from config.db.admin import ConsoleAdmin, ReadOnlyAdmin
from enterprise.models import AdminNotification, AdminNotificationFilter, AdminNotificationRead
from enterprise.queries.customers import FILTER_ATTRIBUTES


class FilterForm(forms.ModelForm):
    """Refuses names that no customer has: a notification with such a filter would never be shown."""

    def clean_filter(self) -> str:
        name: str = self.cleaned_data["filter"]
        if name not in FILTER_ATTRIBUTES:
            raise forms.ValidationError("Customers have no such attribute.")
        return name


@admin.register(AdminNotification)
class AdminNotificationAdmin(ConsoleAdmin):
    list_display = ("id", "title", "start_date", "expiration_date", "is_active")
    list_filter = ("is_active",)
    ordering = ("-start_date", "-id")
    search_lookups = ("id", "title__istartswith")
    select_fields = ("filters",)
    filter_horizontal = ("filters",)


@admin.register(AdminNotificationFilter)
class AdminNotificationFilterAdmin(ConsoleAdmin):
    form = FilterForm
    list_display = ("filter", "modified")
    search_lookups = ("filter__istartswith",)


@admin.register(AdminNotificationRead)
class AdminNotificationReadAdmin(ReadOnlyAdmin):
    list_display = ("id", "admin_notification", "enterprise_customer_user", "is_read", "modified")
    ordering = ("-id",)
    search_lookups = ("admin_notification__id", "enterprise_customer_user__user_id")
