"""The routes of the support desk's pages: with and without a slash at the end, without a redirect between them."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from support.views.pages import index, jobs

urlpatterns: list[URLPattern] = [
    re_path(r"^\Z", index.IndexPage.as_view(), name="index"),
    # --- Bulk work ---
    re_path(r"^jobs/?\Z", jobs.JobsPage.as_view(), name="jobs"),
    path("jobs/<uuid:uuid>/", jobs.JobPage.as_view(), name="job"),
    path("jobs/<uuid:uuid>/rows.csv", jobs.JobRowsFile.as_view(), name="job_rows"),
]
