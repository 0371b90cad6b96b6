"""The operators' admin as one: its start page, its navigation and search, the pages of the support desk's tables and
of the platform's own."""

from django.contrib import admin

from support.admin import (  # noqa: F401
    accounts,
    course_resets,
    entitlements,
    feature_based_enrollments,
    onboarding,
    platform,
    tickets,
)

admin.site.index_title = "Start page"
admin.site.index_template = "admin/support/start.html"
