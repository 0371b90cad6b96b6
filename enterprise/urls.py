"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.urlpatterns import format_suffix_patterns

from enterprise.views import analytics_summary, bulk_jobs, customer_learners

API = "enterprise/api/v1"
CUSTOMER = f"{API}/enterprise-customer/<str:uuid>"

# Routes of the kind a router makes: a slash at the end, or in its place a format suffix.
router_routes: list[URLPattern | URLResolver] = [
    path(
        f"{CUSTOMER}/enroll_learners_in_courses/",
        customer_learners.EnrollLearnersInCoursesView.as_view(),
        name="enterprise-customer-enroll-learners-in-courses",
    ),
]

# Routes written by hand: each with the slash that the contract gives it, or without.
analytics_routes: list[URLPattern | URLResolver] = [
    path(
        f"{API}/analytics-summary/<str:enterprise_uuid>",
        analytics_summary.AnalyticsSummaryView.as_view(),
        name="analytics-summary",
    ),
]

bulk_job_routes: list[URLPattern | URLResolver] = [
    path(f"{CUSTOMER}/bulk-jobs/", bulk_jobs.BulkJobListView.as_view(), name="bulk-job-list"),
    path(f"{CUSTOMER}/bulk-jobs/<str:job_id>/", bulk_jobs.BulkJobView.as_view(), name="bulk-job-detail"),
    path(f"{CUSTOMER}/bulk-jobs/<str:job_id>/rows/", bulk_jobs.BulkJobRowsView.as_view(), name="bulk-job-rows"),
    path(
        f"{CUSTOMER}/bulk-jobs/<str:job_id>/rows.csv", bulk_jobs.BulkJobRowsCsvView.as_view(), name="bulk-job-rows-csv"
    ),
    path(f"{CUSTOMER}/bulk-jobs/<str:job_id>/cancel/", bulk_jobs.BulkJobCancelView.as_view(), name="bulk-job-cancel"),
    path(f"{CUSTOMER}/bulk-jobs/<str:job_id>/retry/", bulk_jobs.BulkJobRetryView.as_view(), name="bulk-job-retry"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *format_suffix_patterns(router_routes, allowed=["json"]),
    *bulk_job_routes,
    *analytics_routes,
]
