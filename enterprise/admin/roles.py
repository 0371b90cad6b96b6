"""System-wide roles and feature roles of users."""

from __future__ import annotations

from django.contrib import admin

from config.db.admin import ConsoleAdmin, HistoryAdmin, ReadOnlyAdmin
from enterprise.models import (
    EnterpriseFeatureRole,
    EnterpriseFeatureUserRoleAssignment,
    RoleAssignmentUpdateOptions,
    SystemWideEnterpriseRole,
    SystemWideEnterpriseUserRoleAssignment,
)

admin.site.register(SystemWideEnterpriseRole, ReadOnlyAdmin)
admin.site.register(EnterpriseFeatureRole, ReadOnlyAdmin)
admin.site.register(RoleAssignmentUpdateOptions, ConsoleAdmin)


@admin.register(SystemWideEnterpriseUserRoleAssignment)
class SystemWideEnterpriseUserRoleAssignmentAdmin(HistoryAdmin):
    list_display = ("user", "role", "enterprise_customer", "applies_to_all_contexts", "created")
    list_filter = ("role", "applies_to_all_contexts")
    select_fields = ("role",)
    ordering = ("-id",)
    search_lookups = ("user__username", "user__email__lower", "enterprise_customer__slug")


@admin.register(EnterpriseFeatureUserRoleAssignment)
class EnterpriseFeatureUserRoleAssignmentAdmin(ConsoleAdmin):
    list_display = ("user", "role", "created")
    list_filter = ("role",)
    select_fields = ("role",)
    ordering = ("-id",)
    search_lookups = ("user__username", "user__email__lower")
