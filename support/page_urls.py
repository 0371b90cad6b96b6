"""The routes of the support desk's pages: with and without a slash at the end, without a redirect between them."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from support.views.pages import (
    accounts,
    certificates,
    contact,
    enrollments,
    entitlements,
    feature_based,
    identities,
    index,
    jobs,
    programs,
    resets,
)

urlpatterns: list[URLPattern] = [
    re_path(r"^\Z", index.IndexPage.as_view(), name="index"),
    # --- Learners: a page each, and the questions before a change ---
    re_path(r"^enrollment/?\Z", enrollments.EnrollmentPage.as_view(), name="enrollment"),
    path("create_enrollment", enrollments.CreateEnrollment.as_view(), name="create_enrollment"),
    path("change_enrollment", enrollments.ChangeEnrollment.as_view(), name="change_enrollment"),
    re_path(r"^manage_user/?\Z", accounts.ManageUserPage.as_view(), name="manage_user"),
    path("toggle_password", accounts.TogglePassword.as_view(), name="toggle_password"),
    re_path(r"^certificates/?\Z", certificates.CertificatesPage.as_view(), name="certificates"),
    path("make_certificate", certificates.MakeCertificate.as_view(), name="make_certificate"),
    re_path(r"^course_entitlement/?\Z", entitlements.EntitlementsPage.as_view(), name="course_entitlement"),
    path("create_entitlement", entitlements.CreateEntitlement.as_view(), name="create_entitlement"),
    path("reissue_entitlement", entitlements.ReissueEntitlement.as_view(), name="reissue_entitlement"),
    path("expire_entitlement", entitlements.ExpireEntitlement.as_view(), name="expire_entitlement"),
    # The contract keeps course_reset/, sso_records/ and onboarding_status/ without a person a 404.
    re_path(r"^resets/?\Z", resets.ResetsPage.as_view(), name="resets"),
    path("reset_course", resets.ResetCourse.as_view(), name="reset_course"),
    re_path(r"^sso/?\Z", identities.SsoPage.as_view(), name="sso"),
    re_path(r"^onboarding/?\Z", identities.OnboardingPage.as_view(), name="onboarding"),
    # --- Programs and courses ---
    re_path(r"^link_program_enrollments/?\Z", programs.LinkPage.as_view(), name="link_program_enrollments"),
    re_path(
        r"^program_enrollments_inspector/?\Z", programs.InspectorPage.as_view(), name="program_enrollments_inspector"
    ),
    re_path(
        r"^feature_based_enrollments/?\Z",
        feature_based.FeatureBasedPage.as_view(),
        name="feature_based_enrollments",
    ),
    # --- For everybody ---
    re_path(r"^contact_us/?\Z", contact.ContactPage.as_view(), name="contact_us"),
    path("contact_ticket", contact.ContactAnswer.as_view(), name="contact_ticket"),
    # --- Bulk work ---
    re_path(r"^jobs/?\Z", jobs.JobsPage.as_view(), name="jobs"),
    path("jobs/<uuid:uuid>/", jobs.JobPage.as_view(), name="job"),
    path("jobs/<uuid:uuid>/rows.csv", jobs.JobRowsFile.as_view(), name="job_rows"),
]
