"""The routes of the support desk's pages: with and without a slash at the end, without a redirect between them."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from support.views.pages import accounts, enrollments, feature_based, identities, index, jobs

urlpatterns: list[URLPattern] = [
    re_path(r"^\Z", index.IndexPage.as_view(), name="index"),
    # --- Learners: a page each, and the questions before a change ---
    re_path(r"^enrollment/?\Z", enrollments.EnrollmentPage.as_view(), name="enrollment"),
    path("create_enrollment", enrollments.CreateEnrollment.as_view(), name="create_enrollment"),
    path("change_enrollment", enrollments.ChangeEnrollment.as_view(), name="change_enrollment"),
    re_path(r"^manage_user/?\Z", accounts.ManageUserPage.as_view(), name="manage_user"),
    path("toggle_password", accounts.TogglePassword.as_view(), name="toggle_password"),
    # The contract keeps sso_records/ and onboarding_status/ without a person a 404.
    re_path(r"^sso/?\Z", identities.SsoPage.as_view(), name="sso"),
    re_path(r"^onboarding/?\Z", identities.OnboardingPage.as_view(), name="onboarding"),
    # --- Programs and courses ---
    re_path(
        r"^feature_based_enrollments/?\Z",
        feature_based.FeatureBasedPage.as_view(),
        name="feature_based_enrollments",
    ),
    # --- Bulk work ---
    re_path(r"^jobs/?\Z", jobs.JobsPage.as_view(), name="jobs"),
    path("jobs/<uuid:uuid>/", jobs.JobPage.as_view(), name="job"),
    path("jobs/<uuid:uuid>/rows.csv", jobs.JobRowsFile.as_view(), name="job_rows"),
]
