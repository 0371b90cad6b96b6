"""Accounts, their SSO identities, course roles and retirements."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponseRedirect
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.api.exceptions import Refusal
from config.db.admin import ConsoleAdmin, ConsoleInline, HistoryAdmin, ReadOnlyAdmin
from enrollments.models import (
    CourseAccessRole,
    LoginFailure,
    User,
    UserProfile,
    UserRetirementStatus,
    UserSocialAuth,
)

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ConsoleAdmin):
    search_lookups = ("name__istartswith",)


class UserProfileInline(ConsoleInline):
    model = UserProfile
    fields = ("name", "country", "language_preference", "year_of_birth")
    can_delete = False
    show_change_link = False


class LoginFailureInline(ConsoleInline):
    model = LoginFailure
    fields = ("failure_count", "locked_until")
    max_num = 1
    show_change_link = False


@admin.register(User)
class UserAdmin(BaseUserAdmin, ConsoleAdmin):
    """Staff who are no superusers may not hand out rights, nor change the accounts of other staff."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (UserProfileInline, LoginFailureInline)
    list_display = ("id", "username", "email", "is_active", "is_staff", "date_joined")
    list_display_links = ("id", "username")
    list_filter = ("is_active", "is_staff", "is_superuser")
    ordering = ("-id",)
    search_lookups = ("id", "username__startswith", "email__lower")
    filter_horizontal = ()
    readonly_fields = ("anonymous_id", "last_login", "date_joined")
    add_fieldsets = ((None, {"fields": ("username", "email", "usable_password", "password1", "password2")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        return (*fields, "is_staff", "is_superuser", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    @staticmethod
    def _may_touch(request: HttpRequest, account: User | None) -> bool:
        """Whoever sets the password of a colleague can sign in with that one's rights."""
        return account is None or request.user.is_superuser or not (account.is_staff or account.is_superuser)


@admin.register(LoginFailure)
class LoginFailureAdmin(ReadOnlyAdmin):
    """Accounts with failed sign-ins; deleting the row of a locked one unlocks it."""

    list_display = ("user", "failure_count", "locked_until")
    ordering = ("-id",)
    search_lookups = ("user__username", "user__email__lower")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("enrollments.delete_loginfailure")


@admin.register(UserSocialAuth)
class UserSocialAuthAdmin(HistoryAdmin):
    """Whoever reacts to an identity may refuse it: then it is not saved, and the page says why."""

    list_display = ("provider", "uid", "user", "modified")
    ordering = ("-id",)
    search_lookups = ("uid__lower", "user__username", "user__email__lower")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refused:
            messages.error(request, f"The identity was not saved: {refused.text}")
            return HttpResponseRedirect(request.get_full_path())


@admin.register(CourseAccessRole)
class CourseAccessRoleAdmin(ConsoleAdmin):
    list_display = ("user", "role", "org", "course_id")
    list_filter = ("role",)
    ordering = ("-id",)
    search_lookups = ("user__username", "course_id", "org")


@admin.register(UserRetirementStatus)
class UserRetirementStatusAdmin(ReadOnlyAdmin):
    list_display = ("original_username", "original_email", "current_state", "modified")
    list_filter = ("current_state",)
    ordering = ("-id",)
    search_lookups = ("original_username", "original_email", "retired_username")
