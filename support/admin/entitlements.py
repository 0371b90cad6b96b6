"""Entitlements, the policies that say how long they last, and what agents did with them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin, ConsoleInline, HistoryAdmin
from enrollments.admin.filters import ModeFilter
from support.models import CourseEntitlement, CourseEntitlementPolicy, CourseEntitlementSupportDetail


class SupportDetailInline(ConsoleInline):
    model = CourseEntitlementSupportDetail
    fields = ("support_user", "action", "comments", "unenrolled_run", "created")
    readonly_fields = fields
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(CourseEntitlement)
class CourseEntitlementAdmin(HistoryAdmin):
    """An enrollment is linked and unlinked by the support desk's calls, where its side effects live."""

    list_display = ("uuid", "user", "course_uuid", "mode", "expired_at", "order_number", "created")
    list_filter = (ModeFilter,)
    ordering = ("-id",)
    readonly_fields = ("uuid", "enrollment_course_run", "created", "modified")
    search_lookups = ("uuid", "user__username", "user__email__lower", "course_uuid", "order_number")
    inlines = (SupportDetailInline,)


@admin.register(CourseEntitlementPolicy)
class CourseEntitlementPolicyAdmin(ConsoleAdmin):
    """The policy is chosen when an entitlement is made; a change holds for those that have it already, too."""

    list_display = ("id", "mode", "site", "expiration_period", "refund_period", "regain_period")
    ordering = ("id",)
    select_fields = ("site",)
