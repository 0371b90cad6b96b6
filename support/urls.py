"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from enrollments.urls import RUN
from support import page_urls
from support.views import (
    certificates,
    contact,
    course_reset,
    enrollment,
    entitlements,
    feature_based_enrollments,
    manage_user,
    onboarding,
    pages,
    program_enrollments,
    sso_records,
)

ENTITLEMENTS = "api/entitlements/v1/entitlements"
# Contract: support 0.1; nothing may follow.
PERSON = r"(?P<username_or_email>[\w.@+-]+)\Z"

desk: list[URLPattern | URLResolver] = [
    # --- What a learner is enrolled in, and their account ---
    re_path(rf"^enrollment/{PERSON}", enrollment.EnrollmentView.as_view(), name="enrollment_list"),
    re_path(rf"^manage_user/{PERSON}", manage_user.ManageUserView.as_view(), name="manage_user_detail"),
    # --- Facts about a learner, a run and organisations ---
    re_path(rf"^sso_records/{PERSON}", sso_records.SsoRecordsView.as_view(), name="sso_records"),
    re_path(rf"^onboarding_status/{PERSON}", onboarding.OnboardingView.as_view(), name="onboarding_status"),
    re_path(r"^get_saml_providers/?\Z", sso_records.SamlProvidersView.as_view(), name="get_saml_providers"),
    re_path(
        rf"^feature_based_enrollment_details/{RUN}\Z",
        feature_based_enrollments.FeatureBasedEnrollmentView.as_view(),
        name="feature_based_enrollment_details",
    ),
    # --- Students of programs ---
    re_path(
        r"^link_program_enrollments_details/?\Z",
        program_enrollments.LinkProgramEnrollmentsView.as_view(),
        name="link_program_enrollments_details",
    ),
    re_path(
        r"^program_enrollments_inspector_details/?\Z",
        program_enrollments.ProgramEnrollmentsInspectorView.as_view(),
        name="program_enrollments_inspector_details",
    ),
    # --- Course resets ---
    re_path(rf"^course_reset/{PERSON}", course_reset.CourseResetView.as_view(), name="course_reset"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.HomePage.as_view(), name="home"),
    path("support/", include((desk, "support"))),
    # Certificates
    path("certificates/search", certificates.CertificateSearchView.as_view(), name="certificate-search"),
    path("certificates/regenerate", certificates.RegenerateView.as_view(), name="certificate-regenerate"),
    path("certificates/generate", certificates.GenerateView.as_view(), name="certificate-generate"),
    # Entitlements
    path(f"{ENTITLEMENTS}/", entitlements.EntitlementListView.as_view(), name="entitlements"),
    re_path(rf"^{ENTITLEMENTS}/(?P<uuid>[0-9a-f-]+)/$", entitlements.EntitlementView.as_view(), name="entitlement"),
    # Tickets of the contact form
    re_path(r"^zendesk_proxy/v1/?\Z", contact.TicketView.as_view(), name="tickets"),
    # Pages
    path("support/", include((page_urls, "desk"))),
]
