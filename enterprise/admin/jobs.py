"""Bulk jobs and their rows: how far each is, what failed and why, with the buttons to cancel and to retry."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from config.db.admin import ReadOnlyAdmin
from enterprise.models import BulkJob, BulkJobRow
from enterprise.services import jobs


@admin.register(BulkJob)
class BulkJobAdmin(ReadOnlyAdmin):
    list_display = (
        "uuid", "kind", "enterprise_customer", "state", "total", "done", "succeeded", "pending", "failed", "invalid",
        "created", "finished_at", "rows_link",
    )  # fmt: skip
    list_filter = ("state", "kind")
    ordering = ("-created",)
    search_lookups = ("uuid", "enterprise_customer__slug", "actor__username")
    actions = ("cancel", "retry")

    @admin.display(description="rows")
    def rows_link(self, job: BulkJob) -> str:
        return format_html(
            '<a href="{}?job__uuid__exact={}">show</a>', reverse("admin:enterprise_bulkjobrow_changelist"), job.pk
        )

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("enterprise.change_bulkjob")

    @admin.action(description="Cancel", permissions=["manage"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[BulkJob]) -> None:
        for job in queryset:
            jobs.cancel(job)
        messages.success(request, "The rows that still wait will not be worked on.")

    @admin.action(description="Retry failed rows", permissions=["manage"])
    def retry(self, request: HttpRequest, queryset: QuerySet[BulkJob]) -> None:
        for job in queryset:
            jobs.retry(job)
        messages.success(request, "The failed rows are back at work.")


@admin.register(BulkJobRow)
class BulkJobRowAdmin(ReadOnlyAdmin):
    list_display = (
        "position",
        "given_email",
        "given_user_id",
        "course_run_key",
        "state",
        "created",
        "reason_code",
        "reason_text",
    )
    list_filter = ("state",)
    ordering = ("-id",)
    search_lookups = ("job__uuid",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup.startswith("job__") or super().lookup_allowed(lookup, value, request)
