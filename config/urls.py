"""The one URL map. Every app brings its own table; paths are written in full there and mounted at the root."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from config.api import docs, pages, views
from config.api.routing import indexed
from support.admin import search

routes: list[URLPattern | URLResolver] = [
    path("favicon.ico", pages.favicon, name="favicon"),
    path("healthz", views.alive, name="healthz"),
    path("readyz", views.ready, name="readyz"),
    path("csrf/api/v1/token", views.CsrfTokenView.as_view(), name="csrf_token"),
    path("api/mfe_config/v1", views.MfeConfigView.as_view(), name="mfe_config"),
    path("api-docs/", docs.SwaggerView.as_view(), name="api-docs"),
    path("api-docs/redoc/", docs.RedocView.as_view(), name="api-docs-redoc"),
    path("api-docs/schema/", docs.SchemaView.as_view(), name="api-schema"),
    path("", include("enrollments.urls")),
    path("", include("enterprise.urls")),
    path("", include("saml_admin.urls")),  # some of its paths lie under enterprise's: it comes second
    path("", include("program_enrollments.urls")),
    path("", include("support.urls")),
    path("admin/login/", pages.admin_sign_in, name="admin-sign-in"),  # before the admin's own
    path("admin/search/", search.search, name="admin-search"),  # likewise
    path("admin/", admin.site.urls),
    re_path(r"^media/(?P<path>.*)$", views.media, name="media"),
]
if settings.PROMETHEUS_METRICS:
    from django_prometheus.exports import ExportToDjangoView

    routes.append(path("metrics", ExportToDjangoView, name="metrics"))

urlpatterns = indexed(routes)

handler400 = "config.api.error_pages.bad_request"
handler403 = "config.api.error_pages.permission_denied"
handler404 = "config.api.error_pages.not_found"
handler500 = "config.api.error_pages.server_error"
