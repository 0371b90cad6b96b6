"""How learners stand with onboarding exams."""

from __future__ import annotations

from django.contrib import admin

from config.db.admin import ConsoleAdmin
from support.models import OnboardingStatus


@admin.register(OnboardingStatus)
class OnboardingStatusAdmin(ConsoleAdmin):
    list_display = ("user", "course_id", "onboarding_status", "expiration_date", "onboarding_past_due")
    list_filter = ("onboarding_status",)
    ordering = ("-id",)
    search_lookups = ("user__username", "user__email__lower", "course_id")
