"""ID verifications and verified names."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from config.db.admin import ConsoleAdmin
from enrollments.models import IDVerificationAttempt, VerifiedName


@admin.register(IDVerificationAttempt)
class IDVerificationAttemptAdmin(ConsoleAdmin):
    list_display = ("id", "user", "kind", "status", "created_at", "expiration_datetime")
    list_filter = ("kind", "status")
    ordering = ("-id",)
    search_lookups = ("user__username", "user__email__lower")
    readonly_fields = ("status_changed",)

    def save_model(self, request: HttpRequest, obj: IDVerificationAttempt, form: Any, change: bool) -> None:
        if "status" in form.changed_data:
            obj.status_changed = timezone.now()
        super().save_model(request, obj, form, change)


@admin.register(VerifiedName)
class VerifiedNameAdmin(ConsoleAdmin):
    list_display = ("verified_name", "user", "status", "created")
    list_filter = ("status",)
    ordering = ("-id",)
    search_lookups = ("user__username", "user__email__lower", "verified_name")
