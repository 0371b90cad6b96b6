"""Analytics summaries that are kept: which prompt was answered how."""

from __future__ import annotations

from django.contrib import admin

from config.db.admin import ReadOnlyAdmin
from enterprise.models import ChatGPTResponse


@admin.register(ChatGPTResponse)
class ChatGPTResponseAdmin(ReadOnlyAdmin):
    list_display = ("uuid", "enterprise_customer", "prompt_type", "created")
    list_filter = ("prompt_type",)
    ordering = ("-created",)
    search_lookups = ("uuid", "enterprise_customer__slug", "prompt_hash")
