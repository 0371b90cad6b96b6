"""What agents did to accounts."""

from __future__ import annotations

from django.contrib import admin

from config.db.admin import ReadOnlyAdmin
from support.models import PasswordToggleHistory


@admin.register(PasswordToggleHistory)
class PasswordToggleHistoryAdmin(ReadOnlyAdmin):
    list_display = ("user", "disabled", "comment", "created_by", "created")
    list_filter = ("disabled",)
    ordering = ("-id",)
    search_lookups = ("user__username", "user__email__lower")
