"""The course catalogue: organisations, courses, runs with their modes, programs, embargoes."""

from __future__ import annotations

from django.contrib import admin

from config.db.admin import ConsoleAdmin, ConsoleInline, HistoryAdmin
from enrollments.models import (
    Cohort,
    CountryAccessRule,
    Course,
    CourseMode,
    CourseOverview,
    CreditProvider,
    Curriculum,
    Organization,
    Program,
    ProgramOrganization,
    RestrictedCourse,
)


@admin.register(Organization)
class OrganizationAdmin(ConsoleAdmin):
    list_display = ("short_name", "name", "active")
    list_filter = ("active",)
    search_lookups = ("short_name__istartswith", "name__istartswith")


@admin.register(Course)
class CourseAdmin(ConsoleAdmin):
    list_display = ("key", "title", "organization", "course_type")
    search_lookups = ("key__startswith", "uuid")


@admin.register(CourseOverview)
class CourseOverviewAdmin(ConsoleAdmin):
    list_display = ("id", "display_name", "start", "end", "enrollment_start", "enrollment_end", "invitation_only")
    list_filter = ("invitation_only", "self_paced", "published")
    search_lookups = ("id__startswith", "course__key", "uuid")


@admin.register(CourseMode)
class CourseModeAdmin(HistoryAdmin):
    list_display = ("course_id", "mode_slug", "min_price", "currency", "expiration_datetime")
    list_filter = ("mode_slug",)
    ordering = ("-id",)
    readonly_fields = ("expiration_datetime_is_explicit",)
    search_lookups = ("course_id__startswith",)


@admin.register(CreditProvider)
class CreditProviderAdmin(ConsoleAdmin):
    list_display = ("course_id", "provider_id", "display_name", "enabled")
    search_lookups = ("course_id__startswith", "provider_id")


@admin.register(Cohort)
class CohortAdmin(ConsoleAdmin):
    list_display = ("course_id", "name")
    search_lookups = ("course_id__startswith",)


class ProgramOrganizationInline(ConsoleInline):
    model = ProgramOrganization


class CurriculumInline(ConsoleInline):
    model = Curriculum
    fields = ("name", "is_active", "position")


@admin.register(Program)
class ProgramAdmin(ConsoleAdmin):
    list_display = ("title", "type", "status", "uuid")
    list_filter = ("status", "type")
    search_lookups = ("uuid", "title__istartswith")
    inlines = (ProgramOrganizationInline, CurriculumInline)


@admin.register(Curriculum)
class CurriculumAdmin(ConsoleAdmin):
    list_display = ("name", "program", "is_active")
    search_lookups = ("uuid", "program__uuid")


class CountryAccessRuleInline(ConsoleInline):
    model = CountryAccessRule


@admin.register(RestrictedCourse)
class RestrictedCourseAdmin(ConsoleAdmin):
    list_display = ("course_id", "enroll_msg_key")
    search_lookups = ("course_id__startswith",)
    inlines = (CountryAccessRuleInline,)
