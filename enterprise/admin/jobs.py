"""Bulk jobs and their rows: how far each is, what failed and why, with the buttons to cancel and to retry."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.generic import TemplateView, View
from unfold.views import UnfoldModelAdminViewMixin

from config.db.admin import ReadOnlyAdmin
from enterprise.bulk.results import csv_lines
from enterprise.models import BulkJob, BulkJobRow
from enterprise.queries.jobs import every_row_result, reasons_of
from enterprise.services import jobs

VIEW = "enterprise.view_bulkjob"


@admin.register(BulkJob)
class BulkJobAdmin(ReadOnlyAdmin):
    list_display = (
        "uuid", "kind", "enterprise_customer", "state", "total", "done", "succeeded", "pending", "failed", "invalid",
        "created", "finished_at", "progress_link", "rows_link",
    )  # fmt: skip
    list_filter = ("state", "kind")
    ordering = ("-created",)
    search_lookups = ("uuid", "enterprise_customer__slug", "actor__username")
    actions = ("cancel", "retry")

    def get_urls(self) -> list[URLPattern]:
        progress = BulkJobProgressView.as_view(model_admin=self)
        bar = BulkJobProgressView.as_view(model_admin=self, template_name="admin/enterprise/bulk_job_bar.html")
        rows = BulkJobRowsCsvView.as_view()
        own = [
            path("<uuid:uuid>/progress/", self.admin_site.admin_view(progress), name="enterprise_bulkjob_progress"),
            path("<uuid:uuid>/progress/bar/", self.admin_site.admin_view(bar), name="enterprise_bulkjob_bar"),
            path("<uuid:uuid>/rows.csv", self.admin_site.admin_view(rows), name="enterprise_bulkjob_csv"),
        ]
        return [*own, *super().get_urls()]

    @admin.display(description="progress")
    def progress_link(self, job: BulkJob) -> str:
        return format_html('<a href="{}">watch</a>', reverse("admin:enterprise_bulkjob_progress", args=[job.pk]))

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


class BulkJobProgressView(UnfoldModelAdminViewMixin, TemplateView):
    """How far a job is: a bar that asks for itself anew every second until the job has ended."""

    permission_required = VIEW
    template_name = "admin/enterprise/bulk_job_progress.html"
    title = "Bulk job"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        jobs_with_names = BulkJob.objects.select_related("enterprise_customer", "actor")
        job = get_object_or_404(jobs_with_names, pk=self.kwargs["uuid"])
        percent = 100 * job.done // job.total if job.total else 100 * job.has_ended
        reasons = reasons_of(job) if job.has_ended else []
        return super().get_context_data(job=job, percent=percent, reasons=reasons, opts=self.model_admin.opts, **kwargs)


class BulkJobRowsCsvView(PermissionRequiredMixin, View):
    """The results of all rows as a file, written while it is read."""

    permission_required = VIEW
    raise_exception = True

    def get(self, request: HttpRequest, uuid: UUID) -> HttpResponse | StreamingHttpResponse:
        job = get_object_or_404(BulkJob, pk=uuid)
        lines = csv_lines(every_row_result(job))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="bulk-job-{job.pk}.csv"'
        return response


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
