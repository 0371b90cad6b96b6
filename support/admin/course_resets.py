"""Where learners may be reset, and who was."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin
from enrollments.models import User
from support.models import CourseResetAudit, CourseResetCourseOptIn
from support.services import course_resets


@admin.register(CourseResetCourseOptIn)
class CourseResetCourseOptInAdmin(ConsoleAdmin):
    """The course stays the one it was made for."""

    list_display = ("course_id", "active", "created", "modified")
    list_filter = ("active",)
    fields = ("course_id", "active")
    search_lookups = ("course_id",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("course_id",) if obj is not None else ()


@admin.register(CourseResetAudit)
class CourseResetAuditAdmin(ConsoleAdmin):
    """Resets are asked for through the support desk; here only their status can be set right."""

    list_display = ("course", "user", "status", "created", "completed_at", "reset_by")
    list_filter = ("status",)
    ordering = ("-id",)
    fields = ("course", "user", "status", "created", "modified", "completed_at", "reset_by", "comment")
    readonly_fields = ("course", "user", "created", "modified", "completed_at", "reset_by", "comment")
    search_lookups = ("course_enrollment__user__username", "course_enrollment__user__email__lower", "course__course_id")
    actions = ("mark_failed",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CourseResetAudit]:
        return super().get_queryset(request).select_related("course", "course_enrollment__user", "reset_by")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="user")
    def user(self, audit: CourseResetAudit) -> User | None:
        return audit.course_enrollment.user if audit.course_enrollment is not None else None

    @admin.action(description="Mark as failed, so that they can be tried again", permissions=["change"])
    def mark_failed(self, request: HttpRequest, queryset: QuerySet[CourseResetAudit]) -> None:
        count = course_resets.mark_failed(queryset)
        messages.success(request, f"{count} resets are marked as failed.")
