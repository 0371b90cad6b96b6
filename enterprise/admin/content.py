"""What catalogs hold, to look at: items with their documents, and filters with their counts."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from config.db.admin import ReadOnlyAdmin
from enterprise.models import ContentFilter, ContentFilterItem, ContentItem


@admin.register(ContentItem)
class ContentItemAdmin(ReadOnlyAdmin):
    list_display = ("key", "content_type", "title", "start", "end", "expired", "restricted", "may_enter", "changes_at")
    list_filter = ("content_type", "expired", "restricted", "may_enter")
    ordering = ("-id",)
    search_lookups = ("key", "course_key", "uuid")


@admin.register(ContentFilter)
class ContentFilterAdmin(ReadOnlyAdmin):
    list_display = ("id", "content_filter", "count", "current_count", "items_link")
    ordering = ("-count", "id")
    search_lookups = ("digest",)

    @admin.display(description="items")
    def items_link(self, stored: ContentFilter) -> str:
        return format_html(
            '<a href="{}?content_filter__id__exact={}">show</a>',
            reverse("admin:enterprise_contentfilteritem_changelist"),
            stored.pk,
        )


@admin.register(ContentFilterItem)
class ContentFilterItemAdmin(ReadOnlyAdmin):
    list_display = ("aggregation_key", "item", "start", "expired", "content_filter")
    list_select_related = ("item", "content_filter")
    ordering = ("content_filter", "aggregation_key", "start", "item")
    search_lookups = ("item__key", "aggregation_key")
