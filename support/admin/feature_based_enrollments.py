"""Settings of feature-based enrollment: the newest row of a key counts, so a change is a new row."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin
from support.models import ContentTypeGatingConfig, CourseDurationLimitConfig


class FeatureBasedSettingAdmin(ConsoleAdmin):
    """Rows are added and looked at."""

    ordering = ("-id",)
    search_lookups = ("org", "org_course", "course_id")
    select_fields = ("site",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.changed_by_id = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(ContentTypeGatingConfig)
class ContentTypeGatingConfigAdmin(FeatureBasedSettingAdmin):
    list_display = ("__str__", "enabled", "enabled_as_of", "studio_override_enabled", "change_date", "changed_by")


@admin.register(CourseDurationLimitConfig)
class CourseDurationLimitConfigAdmin(FeatureBasedSettingAdmin):
    list_display = ("__str__", "enabled", "enabled_as_of", "change_date", "changed_by")
