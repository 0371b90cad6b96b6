"""Enrollments, allowances, manual audits and the throttling switch."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.formats import date_format

from config.db.admin import ConsoleAdmin, ConsoleInline, HistoryAdmin, ReadOnlyAdmin
from enrollments.admin.filters import ModeFilter
from enrollments.models import (
    CourseEnrollment,
    CourseEnrollmentAllowed,
    CourseEnrollmentAttribute,
    ManualEnrollmentAudit,
    RateLimitConfiguration,
)
from enrollments.queries import enrollment_terms


class AttributeInline(ConsoleInline):
    model = CourseEnrollmentAttribute
    show_change_link = False


@admin.register(CourseEnrollment)
class CourseEnrollmentAdmin(HistoryAdmin):
    """Shows enrollments. They are changed through the APIs, where the rules and side effects live."""

    list_display = ("id", "user", "course_id", "mode", "is_active", "created")
    list_filter = ("is_active", ModeFilter)
    ordering = ("-id",)
    readonly_fields = ("user", "course_id", "mode", "is_active", "created", "upgrade_deadline", "refundable")
    search_lookups = ("user__username", "user__email__lower", "course_id")
    inlines = (AttributeInline,)

    @admin.display(description="upgrade deadline")
    def upgrade_deadline(self, enrollment: CourseEnrollment) -> str:
        deadline = enrollment_terms.upgrade_deadline(enrollment)
        return date_format(deadline, "DATETIME_FORMAT") if deadline else "-"

    @admin.display(description="refundable", boolean=True)
    def refundable(self, enrollment: CourseEnrollment) -> bool:
        return enrollment_terms.is_refundable(enrollment)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(CourseEnrollmentAllowed)
class CourseEnrollmentAllowedAdmin(ConsoleAdmin):
    list_display = ("email", "course_id", "auto_enroll", "user", "created")
    list_filter = ("auto_enroll",)
    ordering = ("-id",)
    search_lookups = ("email", "course_id")


@admin.register(ManualEnrollmentAudit)
class ManualEnrollmentAuditAdmin(ReadOnlyAdmin):
    list_display = ("enrolled_email", "state_transition", "enrolled_by", "time_stamp", "reason")
    list_filter = ("state_transition",)
    ordering = ("-id",)
    search_lookups = ("enrolled_email",)


@admin.register(RateLimitConfiguration)
class RateLimitConfigurationAdmin(ConsoleAdmin):
    """The newest row counts, so a change is a new row."""

    list_display = ("enabled", "change_date", "changed_by")
    fields = ("enabled",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: RateLimitConfiguration, form: Any, change: bool) -> None:
        obj.changed_by_id = request.user.pk
        super().save_model(request, obj, form, change)
