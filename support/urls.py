"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import path, re_path

from support.views import entitlements, pages

ENTITLEMENTS = "api/entitlements/v1/entitlements"

urlpatterns = [
    path("", pages.HomePage.as_view(), name="home"),
    # Entitlements
    path(f"{ENTITLEMENTS}/", entitlements.EntitlementListView.as_view(), name="entitlements"),
    re_path(rf"^{ENTITLEMENTS}/(?P<uuid>[0-9a-f-]+)/$", entitlements.EntitlementView.as_view(), name="entitlement"),
]
