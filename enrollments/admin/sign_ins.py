"""Who signed in on which day."""

from __future__ import annotations

from django.contrib import admin

from config.db.admin import ReadOnlyAdmin
from enrollments.models import SignIn


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    list_display = ("day", "user")
    ordering = ("-day", "-id")
    search_lookups = ("user__username", "user__email__lower")
