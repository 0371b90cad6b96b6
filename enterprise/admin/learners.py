"""Learner links, pending learners, admins and groups."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin, ConsoleInline, HistoryAdmin
from enterprise.models import (
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    EnterpriseGroup,
    EnterpriseGroupMembership,
    OnboardingFlow,
    PendingEnrollment,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
)
from enterprise.services import admins


class AllRowsMixin:
    """Operators see what the API hides: unlinked learners, removed keys and groups."""

    model: Any

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = self.model.all_objects.all()
        ordering = self.get_ordering(request)  # type: ignore[attr-defined]
        return rows.order_by(*ordering) if ordering else rows


@admin.register(EnterpriseCustomerUser)
class EnterpriseCustomerUserAdmin(AllRowsMixin, HistoryAdmin):
    """Shows links. They are made, unlinked and switched by the services that keep roles and other links right."""

    list_display = ("id", "enterprise_customer", "user_fk", "active", "linked", "is_relinkable", "created")
    list_filter = ("linked", "active", "is_relinkable")
    ordering = ("-id",)
    search_lookups = ("user_id", "user_fk__username", "user_fk__email__lower", "enterprise_customer__slug")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PendingEnrollmentInline(ConsoleInline):
    model = PendingEnrollment
    fields = ("course_id", "course_mode", "license_uuid", "transaction_id", "discount_percentage", "source")
    show_change_link = False


@admin.register(PendingEnterpriseCustomerUser)
class PendingEnterpriseCustomerUserAdmin(HistoryAdmin):
    list_display = ("id", "user_email", "enterprise_customer", "created")
    ordering = ("-id",)
    search_lookups = ("user_email__lower", "enterprise_customer__slug")
    inlines = (PendingEnrollmentInline,)


@admin.register(EnterpriseCustomerAdmin)
class CustomerAdminAdmin(ConsoleAdmin):
    list_display = ("uuid", "enterprise_customer_user", "last_login", "created")
    ordering = ("-created",)
    search_lookups = ("uuid", "enterprise_customer_user__user_fk__username")


@admin.register(PendingEnterpriseCustomerAdminUser)
class PendingEnterpriseCustomerAdminUserAdmin(HistoryAdmin):
    """An invited admin comes with a pending learner, and may take it along when the invitation is taken back."""

    list_display = ("user_email", "enterprise_customer", "reminder_sent_at", "created")
    ordering = ("-id",)
    search_lookups = ("user_email__lower", "enterprise_customer__slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("enterprise_customer", "user_email") if obj else ()

    def save_model(
        self, request: HttpRequest, obj: PendingEnterpriseCustomerAdminUser, form: Any, change: bool
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            invited = admins.create_pending_admin(
                obj.enterprise_customer, obj.user_email, reminder_sent_at=obj.reminder_sent_at
            )
            obj.pk = invited.pk

    def delete_model(self, request: HttpRequest, obj: PendingEnterpriseCustomerAdminUser) -> None:
        admins.delete_pending_admin(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PendingEnterpriseCustomerAdminUser]) -> None:
        for invited in queryset:
            admins.delete_pending_admin(invited)


admin.site.register(OnboardingFlow, ConsoleAdmin)


@admin.register(EnterpriseGroup)
class EnterpriseGroupAdmin(AllRowsMixin, HistoryAdmin):
    list_display = ("name", "enterprise_customer", "group_type", "is_removed", "modified")
    list_filter = ("group_type", "is_removed")
    search_lookups = ("uuid", "name", "enterprise_customer__slug")


class MembershipForm(forms.ModelForm):
    """Whoever is in a group is a learner, or waits to be one, of the group's customer."""

    OTHER_CUSTOMER = "This is a learner of another enterprise customer than the group."

    class Meta:
        model = EnterpriseGroupMembership
        fields = [
            "group", "enterprise_customer_user", "pending_enterprise_customer_user", "status", "activated_at",
            "removed_at", "errored_at", "is_removed",
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        group = values.get("group")
        for name in ("enterprise_customer_user", "pending_enterprise_customer_user"):
            learner = values.get(name)
            if group and learner and learner.enterprise_customer_id != group.enterprise_customer_id:
                self.add_error(name, self.OTHER_CUSTOMER)
        return values


@admin.register(EnterpriseGroupMembership)
class EnterpriseGroupMembershipAdmin(AllRowsMixin, HistoryAdmin):
    form = MembershipForm
    list_display = ("uuid", "group", "status", "activated_at", "is_removed", "modified")
    list_filter = ("status", "is_removed")
    search_lookups = ("uuid", "group__uuid", "enterprise_customer_user__user_id")
