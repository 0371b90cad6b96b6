"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from support import page_urls
from support.views import enrollment, entitlements, manage_user, pages

ENTITLEMENTS = "api/entitlements/v1/entitlements"
# Contract: support 0.1; nothing may follow.
PERSON = r"(?P<username_or_email>[\w.@+-]+)\Z"

desk: list[URLPattern | URLResolver] = [
    # --- What a learner is enrolled in, and their account ---
    re_path(rf"^enrollment/{PERSON}", enrollment.EnrollmentView.as_view(), name="enrollment_list"),
    re_path(rf"^manage_user/{PERSON}", manage_user.ManageUserView.as_view(), name="manage_user_detail"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.HomePage.as_view(), name="home"),
    path("support/", include((desk, "support"))),
    # Entitlements
    path(f"{ENTITLEMENTS}/", entitlements.EntitlementListView.as_view(), name="entitlements"),
    re_path(rf"^{ENTITLEMENTS}/(?P<uuid>[0-9a-f-]+)/$", entitlements.EntitlementView.as_view(), name="entitlement"),
    # Pages
    path("support/", include((page_urls, "desk"))),
]
