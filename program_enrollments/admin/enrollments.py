"""Students of programs, what they are in, and the course roles that wait for them (contract: Admin site)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin, ConsoleInline, HistoryAdmin
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment


class ProgramCourseEnrollmentInline(ConsoleInline):
    model = ProgramCourseEnrollment


@admin.register(ProgramEnrollment)
class ProgramEnrollmentAdmin(HistoryAdmin):
    """Whom a student is linked with is changed on the page of the support desk, with all that follows from it."""

    list_display = ("id", "status", "user", "external_user_key", "program_uuid", "curriculum_uuid")
    list_filter = ("status",)
    ordering = ("-id",)
    search_lookups = ("user__username", "external_user_key__lower", "program_uuid")
    inlines = (ProgramCourseEnrollmentInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("user",)


class PendingRoleInline(ConsoleInline):
    model = CourseAccessRoleAssignment


@admin.register(ProgramCourseEnrollment)
class ProgramCourseEnrollmentAdmin(HistoryAdmin):
    list_display = ("id", "status", "program_enrollment", "course_enrollment", "course_key")
    list_filter = ("status",)
    ordering = ("-id",)
    search_lookups = (
        "course_key",
        "program_enrollment__user__username",
        "program_enrollment__external_user_key__lower",
        "program_enrollment__program_uuid",
    )
    inlines = (PendingRoleInline,)


@admin.register(CourseAccessRoleAssignment)
class CourseAccessRoleAssignmentAdmin(ConsoleAdmin):
    list_display = ("id", "role", "enrollment")
    list_filter = ("role",)
    ordering = ("-id",)
    search_lookups = (
        "enrollment__course_key",
        "enrollment__program_enrollment__user__username",
        "enrollment__program_enrollment__external_user_key__lower",
        "enrollment__program_enrollment__program_uuid",
    )
